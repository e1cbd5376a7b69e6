"""Comparative experiments: the value of each part of the model, and what other networks learn in the same time.

Not part of the package: run from a checkout, with ``src`` on the path.
"""
