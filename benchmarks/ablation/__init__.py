"""Ablation: the value of each part of the model, from the same short training with one part left out at a time."""
