"""Many runs at once: what they are, who does them, and how far they are."""
