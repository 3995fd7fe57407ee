"""One call: its request, its connection, and its answer or why it failed. Knows nothing of when calls are made."""
