"""The notebook as it was set, and what came back put in its place."""
