"""Parameter-efficient tuning: from the user's image pairs to an adapter."""
