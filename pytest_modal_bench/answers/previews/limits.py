"""How large previews are at most."""

FRAMES = 4
"""Pictures of an animation or a video."""
ONE_BYTES = 24 << 10
"""Of the one picture of an image."""
SOME_BYTES = 16 << 10
"""Of one of several pictures."""
ANSWER_BYTES = 64 << 10
"""Of all pictures of an answer."""
PEAKS = 120
"""Numbers of a sound."""
