"""Configuration of the documentation site; `scripts/docs` builds it.

The source folder is the whole repository, so a page can link to a README, a result or a source file by its
relative path, and the same link works in the repository and on the site.
"""

from __future__ import annotations

import sys
from importlib.metadata import version as version_of
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "_extensions"))

project = "swimrl"
author = "the swimrl authors"
release = version = version_of("swimrl")
copyright = "the swimrl authors"  # noqa: A001 - Sphinx's name

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "public_names", "repository_links"]
root_doc = "docs/index"
include_patterns = ["*.md", "docs/**.md", "swimrl/**.md", "results/**README.md", "examples/**.md"]
exclude_patterns = [".*", "docs/_build", "runs", "build", "dist", "swimrl.egg-info"]
templates_path = ["_templates"]

myst_enable_extensions = ["deflist"]
myst_heading_anchors = 3
suppress_warnings = ["myst.header"]  # a README may begin with a heading of any level

autodoc_typehints_format = "short"
default_role = "code"  # `name` in a docstring is code
maximum_signature_line_length = 80
napoleon_numpy_docstring = False
python_use_unqualified_type_names = True

html_theme = "furo"
html_title = f"swimrl {version}"
html_static_path = ["_static"]
html_css_files = ["tables.css"]
html_additional_pages = {"index": "forward.html"}
html_show_copyright = False
html_show_sphinx = False
html_copy_source = False
