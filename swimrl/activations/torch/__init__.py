"""Activations as PyTorch modules."""
