"""Who runs the submissions: this machine's processes, or several machines."""
