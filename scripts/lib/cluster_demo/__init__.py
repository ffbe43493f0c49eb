"""A dask cluster on this machine, and a batch over it: see `cluster-demo --help`."""
