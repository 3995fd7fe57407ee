"""The local workspace: Modal's behaviour on loopback, with real processes. Knows nothing of the plugin."""
