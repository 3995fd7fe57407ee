"""One run, without pytest: what it was asked to do, what it prepares, measures and keeps."""
