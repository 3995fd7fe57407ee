"""What stands before the containers: hosts, redirects, and the answers of Modal itself."""
