"""Reading: sources of pixels, their grids, and the way to windows of gap-filled unit values."""
