"""Activations as nodes of an ONNX graph."""
