"""The app in a container: its routes, its GPU, the pictures and films that it makes."""
