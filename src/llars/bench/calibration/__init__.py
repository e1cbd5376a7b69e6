"""What diagnosis and uncertainty say, against what is known to be true; see ``scripts/calibrate.py``."""
