"""Architectures that hear."""
