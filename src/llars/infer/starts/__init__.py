"""What physics alone can mend, over whole scenes: where each step sets out from."""
