"""Media inside a JSON answer: where they stand, what their texts stand for, and what is said of each."""
