"""From windows to restored tiles: steps and their grids, the network over tiles, the memory that it may use."""
