"""How long a whole run takes, from the command to the final score."""
