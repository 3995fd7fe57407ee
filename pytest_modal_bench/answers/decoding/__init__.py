"""Bytes decoded whole, in a process apart: what comes from a server is never decoded in the process that measures."""
