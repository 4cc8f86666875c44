"""Many machines and object stores: the only place that knows Ray, fsspec and remote paths."""
