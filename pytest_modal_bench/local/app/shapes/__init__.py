"""Routes that answer something else than the bytes of one image or video, or not at once."""
