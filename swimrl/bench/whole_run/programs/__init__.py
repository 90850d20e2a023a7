"""The runs that are timed: a program for each contender, started like a user's, with clocks around parts."""
