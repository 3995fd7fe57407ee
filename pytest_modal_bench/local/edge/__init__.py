"""The edge: answers requests from containers, with redirects, or with one of Modal's own errors."""
