"""Activations as NumPy functions."""
