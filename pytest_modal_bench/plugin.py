"""Entry point: options, ini keys, markers, hookspecs, and registration once it is asked for."""
