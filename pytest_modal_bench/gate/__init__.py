"""What a run is held against. Knows nothing of pytest, and calls nobody."""
