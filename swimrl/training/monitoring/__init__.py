"""What is recorded of a run beyond its returns: units, ranks, gait, films."""
