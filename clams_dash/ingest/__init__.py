"""Sources of data to checked frames to a new version of the pool."""
