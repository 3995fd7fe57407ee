"""The sections of the HTML report as plain data, one a module; the templates of the same names show them."""
