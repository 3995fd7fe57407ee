"""What comes from outside, made harmless: text on one line, files written whole, secrets taken out."""
