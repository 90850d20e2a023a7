"""Aliases for policy files that version 0.1 saved from Python; the classes live in `language.spec`."""

from swimrl.activations.language.spec import ActivationSpec

__all__ = ["ActivationSpec"]
