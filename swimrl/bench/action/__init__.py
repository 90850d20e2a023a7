"""How long one action takes."""
