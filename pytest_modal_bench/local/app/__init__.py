"""The web app that runs in a container: its routes, its simulated GPU, the images and videos that it makes."""
