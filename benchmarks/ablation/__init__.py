"""What each part of the model is worth: the same short training with one part left out at a time."""
