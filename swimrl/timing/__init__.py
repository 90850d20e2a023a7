"""Measuring time, and the facts about the host that every measurement and run records."""
