"""Statistics for a few seeds on a few tasks: NumPy and SciPy only, no files, no printing."""
