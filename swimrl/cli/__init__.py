"""The ``swimrl`` command: one file for each subcommand, which parses, calls and prints."""
