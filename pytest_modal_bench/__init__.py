"""Benchmark Modal web endpoints as pytest tests."""
