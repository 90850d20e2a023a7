"""Measuring time: clocks, rounds, records and ratios. It knows neither activations nor learning."""
