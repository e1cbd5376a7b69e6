"""Figures of the documentation's pages on concepts, drawn from the bundled weights and the scenes that come along."""
