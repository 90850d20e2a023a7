"""How fast training is, beside other libraries."""
