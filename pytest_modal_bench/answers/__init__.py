"""What an answer is, by its bytes, and whether it is what the catalogue expects."""
