"""Containers, each an operating-system process: how they are started, scaled, stopped, and what is recorded of them."""
