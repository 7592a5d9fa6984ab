"""The executed notebook as HTML that everybody may open; a part of each record."""
