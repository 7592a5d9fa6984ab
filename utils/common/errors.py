"""The error of everything that reads data."""


class DataError(RuntimeError):
    """A name is unknown, no source has a file, or a file cannot be read."""
