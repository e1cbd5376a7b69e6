"""How Sphinx builds the site: `make docs`. Nothing is fetched, and a warning is an error."""

import llars

project = "llars"
author = "the authors of llars"
version = release = llars.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["_build"]
myst_heading_anchors = 3
myst_enable_extensions = ["colon_fence"]

html_theme = "furo"
html_title = f"llars {version}"
html_copy_source = False
html_show_copyright = False
html_show_sphinx = False

autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"
autodoc_member_order = "bysource"
