"""Activations as JAX functions, for Flax, SBX and Brax."""
