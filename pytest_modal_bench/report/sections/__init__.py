"""The sections of the markdown report, one a module."""
