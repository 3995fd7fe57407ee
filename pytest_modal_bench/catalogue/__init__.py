"""The catalogue: `endpoints.toml` read into `Endpoint`s, with errors that name file, endpoint and field.

It knows nothing of pytest, and sends nothing.
"""

from pytest_modal_bench.catalogue.errors import CatalogueError
from pytest_modal_bench.catalogue.loading import check_selected, load
from pytest_modal_bench.catalogue.schema import App, Catalogue, Lora, ResourcePaths

__all__ = ["App", "Catalogue", "CatalogueError", "Lora", "ResourcePaths", "check_selected", "load"]
