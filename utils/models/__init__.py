"""Networks that a lesson borrows, a folder each."""
