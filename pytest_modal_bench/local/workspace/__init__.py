"""The simulated workspace as data: its apps, and the scenarios that say what goes wrong in them."""
