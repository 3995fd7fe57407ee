"""What an app's OpenAPI document says: its routes, what they take and answer, and an example of it."""
