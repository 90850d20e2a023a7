"""Aliases for policy files that version 0.1 saved from Python; the classes live in `torch.factory`."""

from swimrl.activations.torch.factory import ActivationFactory

__all__ = ["ActivationFactory"]
