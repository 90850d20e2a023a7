"""What a run records beside its returns: units, ranks, gradients, gait, films."""
