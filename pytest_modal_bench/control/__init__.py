"""Modal's control plane: asked for evidence, made to scale to zero, and put back as it was."""
