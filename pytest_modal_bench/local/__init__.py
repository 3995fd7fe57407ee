"""The local workspace: Modal's behaviour on loopback, with real processes and sockets. Knows nothing of the plugin."""
