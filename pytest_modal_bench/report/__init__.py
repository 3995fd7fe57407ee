"""Reports: pure functions from a `Run` to text, one module per format."""
