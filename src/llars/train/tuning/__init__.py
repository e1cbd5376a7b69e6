"""Parameter-efficient tuning: the user's pairs in, an adapter out."""
