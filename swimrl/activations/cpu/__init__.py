"""Activations as kernels for the processor, generated from their formulas."""
