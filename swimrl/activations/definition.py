"""Aliases for policy files that version 0.1 saved from Python; the classes live in `language.definition`."""

from swimrl.activations.language.definition import Definition

__all__ = ["Definition"]
