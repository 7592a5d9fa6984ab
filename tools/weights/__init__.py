"""Make the files that the course ships: trained weights and spoken digits."""
