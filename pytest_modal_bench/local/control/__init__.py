"""The control plane of the local workspace: it speaks Modal's gRPC protocol to the `modal` SDK and CLI."""
