"""What is measured of each fault that an image may have: numbers with units, before anything is said."""
