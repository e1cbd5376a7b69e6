"""How good the restoration is, beside classical rivals, and how fast."""
