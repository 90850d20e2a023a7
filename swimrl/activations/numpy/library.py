"""NumPy as a library that generated code calls."""

from pathlib import Path

from swimrl.activations.language.python_code import Library

NUMPY = Library(("import math", "", "import numpy as np"), Path(__file__).with_name("operations.py"))
