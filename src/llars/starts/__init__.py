"""Where the network sets out from: what physics alone can mend, by the same laws in training and in use."""
