"""The same endpoints under load, on Locust: what many callers at once meet."""
