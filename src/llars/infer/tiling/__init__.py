"""From windows to restored tiles: which steps on which grid, the network over tiles, within the memory there is."""
