"""Modal's control plane: asked for evidence, told to scale to zero, and put back as it was."""
