"""The executed notebook as HTML that is safe to open; a part of each record."""
