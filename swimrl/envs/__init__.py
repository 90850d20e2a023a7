"""Environments: the supported set, making one by id, its random streams, and filming it.

Nothing is imported here, so that gymnasium and mujoco stay out of ``swimrl --help``.
"""
