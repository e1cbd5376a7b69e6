"""Seven learned rivals, implemented from their papers on shared blocks, and their contest with llars."""
