"""Training: losses, dynamic task weights, the loop. Needs neither rasterio nor xarray."""
