"""Tools around the course: executing, checking and addressing the notebooks."""
