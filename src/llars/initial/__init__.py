"""Initial estimates for the network: what physics alone can restore, with the same models in training and in use."""
