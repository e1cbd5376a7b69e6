"""Diagnosis: each fault of an image is measured in numbers with units, then put as the instruction that corrects it."""
