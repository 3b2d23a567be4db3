"""The documentation site: `make docs` builds it into docs/_build/html, and a warning is an error.

What can be read from the code is: options, policies, the API, the contracts and the commands are generated.
"""

import sys
from importlib import metadata
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "_parsers"))
project = "corenova"
version = release = metadata.version("corenova")
project_copyright = "the corenova authors"

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "oslo_config.sphinxext",
    "sphinxarg.ext",
    "sphinxcontrib.openapi",
]
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = f"corenova {release}"
myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 3

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_class_signature = "separated"  # protocols are not made
autodoc_default_options = {"members": True, "undoc-members": True}
