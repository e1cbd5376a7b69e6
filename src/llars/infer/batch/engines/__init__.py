"""Engines that run a batch: processes on this machine, or the workers of a Dask or Ray cluster."""
