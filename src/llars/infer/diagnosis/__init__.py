"""What is wrong with an image: each fault measured in numbers with units, then said in words that mend it."""
