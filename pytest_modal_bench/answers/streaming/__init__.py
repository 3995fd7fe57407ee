"""Answers that come bit by bit: taken apart once the clock has stopped, timed by when their bytes were read."""
