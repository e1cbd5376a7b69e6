"""Start images for the network: what can be restored by physics alone, with the same models in training and in use."""
