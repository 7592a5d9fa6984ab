"""The error that the data layer raises, and what reads files of it."""


class DataError(RuntimeError):
    """A name is unknown, no source has a file, or a file cannot be read."""
