"""What the local workspace consists of, and what goes wrong in it: apps, scenarios, faults."""
