"""What a few learned numbers are worth on a sensor that the base weights have never seen."""
