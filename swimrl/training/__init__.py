"""The loop of one run: building, evaluation, progress and the record of it all."""
