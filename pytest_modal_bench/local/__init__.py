"""The local workspace: a stand-in for Modal on loopback, with real processes. It knows nothing of the plugin."""
