"""Benchmarks: what activations, actions and training cost."""
