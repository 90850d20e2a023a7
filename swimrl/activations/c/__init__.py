"""Activations as C99 functions, for controllers without Python."""
