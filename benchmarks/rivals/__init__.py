"""Seven learned rivals, written from their papers on shared blocks, and their contest with llars."""
