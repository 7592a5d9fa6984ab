"""What was handed in: whose it is, and what it holds. Nothing of it is executed here."""
