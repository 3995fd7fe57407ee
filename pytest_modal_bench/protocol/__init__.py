"""Which calls an endpoint gets, and what they prove: cold, first, warm."""
