"""Tools for the people who keep the shop running."""

__version__ = "1.3.0"
