"""What runs in processes of its own, on Locust. Importing Locust patches the whole process: only what is here does."""
