"""Closed-form corrections over whole scenes: the initial estimate that each step gives to the network."""
