"""What was done, for eyes: pictures before and after, and the page about one restoration."""
