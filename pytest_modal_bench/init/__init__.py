"""A catalogue from nothing: what apps say of themselves in OpenAPI, and Modal of its functions, as `endpoints.toml`.

No route of an app is called but the one that describes the others.
"""
