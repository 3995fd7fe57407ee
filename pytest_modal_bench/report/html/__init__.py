"""HTML pages: one self-contained file each, made of plain data by templates. Needs the extra `html`."""
