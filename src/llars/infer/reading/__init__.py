"""Reading: where pixels come from, on which grids, and the way to windows of unit values without gaps."""
