"""Options into what a session works with: settled, read and checked before the first call costs anything."""
