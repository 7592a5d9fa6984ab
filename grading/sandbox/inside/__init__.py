"""What runs beside a submission, inside the sandbox."""
