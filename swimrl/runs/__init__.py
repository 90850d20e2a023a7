"""The contract on disk: what a run writes, with every name and definition in one place (README.md)."""
