"""A `Run`, or two of them, into text: one module a format, and one a section."""
