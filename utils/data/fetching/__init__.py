"""Where a file of the registry comes from: cache, mirror, official source."""
