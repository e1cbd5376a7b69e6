"""Figures for the documentation's pages on concepts, drawn from the bundled weights and scenes."""
