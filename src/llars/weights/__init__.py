"""Trained weights: those that ship with llars, their file format, adapters, and the parser of instructions.

The parser joins bundled networks to rules about sentences. It is here because training and inference share it.
"""
