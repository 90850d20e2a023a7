"""The figures of a report, ready for a paper."""
