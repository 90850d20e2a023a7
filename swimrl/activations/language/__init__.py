"""The language of activations: formulas, parameters, names, and the registry."""
