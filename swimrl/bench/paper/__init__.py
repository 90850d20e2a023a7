"""The timing of the Swim paper beside a proper one."""
