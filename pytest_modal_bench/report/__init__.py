"""Reports: pure functions from a `Run`, or two of them, to text, one module per format."""
