"""What the lessons on translation share: number words, pairs of sentences, pieces of words."""
