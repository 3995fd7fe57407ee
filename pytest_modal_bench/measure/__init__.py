"""Measuring: requests, calls, failures, the protocol of cold, first and warm. Knows nothing of pytest."""
