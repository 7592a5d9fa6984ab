"""What `runtime` does behind the page."""
