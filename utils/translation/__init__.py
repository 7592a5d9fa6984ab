"""What the lessons on translation share: number words, pieces of words, and a translator."""
