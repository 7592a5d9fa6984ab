"""The notebook as it was set, and submissions put back into its shape."""
