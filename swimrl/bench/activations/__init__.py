"""What an activation costs in every implementation."""
