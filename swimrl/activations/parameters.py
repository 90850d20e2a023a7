"""Aliases for policy files that version 0.1 saved from Python; the classes live in `language.parameters`."""

from swimrl.activations.language.parameters import Interval, OneOf, Parameter, ParameterValue

__all__ = ["Interval", "OneOf", "Parameter", "ParameterValue"]
