"""Execute notebooks and report what came of it."""
