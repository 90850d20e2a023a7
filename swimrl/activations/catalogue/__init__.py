"""The activations that come with swimrl, one file for each family, one entry for each activation.

Formulas are in the language of ``swimrl.activations.language.parser``. A default that the paper leaves open
says that it is ours.
"""
