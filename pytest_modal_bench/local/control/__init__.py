"""The control plane of the local workspace, which the `modal` SDK and CLI take for Modal's."""
