"""How Sphinx builds these pages into a site that needs no network: `tox run -e docs`."""

project = "pytest-modal-bench"
extensions = ["myst_parser"]
exclude_patterns = ["pictures/README.md"]

# A link to a page or a heading that is not there is a warning, and the build makes errors of warnings.
nitpicky = True
myst_heading_anchors = 4

# Quotes and dashes stay as they are: much of the text is options and code.
smartquotes = False

# Furo brings its styles and scripts, and takes the fonts of the reader's system.
html_theme = "furo"
html_title = project
html_copy_source = False
html_show_copyright = False
html_show_sphinx = False
html_extra_path = ["reference/report.schema.json"]
