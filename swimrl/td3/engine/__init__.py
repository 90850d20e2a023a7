"""The fused engine: the update of TD3 by hand-written backpropagation."""
