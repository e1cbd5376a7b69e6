"""Experiments that compare: what each part of the model is worth, and what other networks learn in the same time.

Not part of the package: run from a checkout, with ``src`` on the path.
"""
