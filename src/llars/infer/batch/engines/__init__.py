"""Who does the scenes of a batch: processes of this machine, or the workers of a Dask or Ray cluster."""
