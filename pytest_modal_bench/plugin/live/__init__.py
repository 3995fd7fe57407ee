"""What a run shows while it goes on: a display in a terminal, plain lines in a log."""
