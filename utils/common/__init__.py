"""What several rooms share: argument checks, errors, and files."""
