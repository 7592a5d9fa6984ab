"""What was handed in: whose it is, and what it holds. None of it is executed here."""
