"""Code generated from formulas, and what its function names mean to each backend."""
