"""Turns events into notifications."""

__version__ = "3.1.0"
