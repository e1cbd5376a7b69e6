"""Trained weights: those that ship with llars, and the file format shared by training and inference."""
