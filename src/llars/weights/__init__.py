"""Trained weights: those that ship with llars, and the one file format that training and inference share."""
