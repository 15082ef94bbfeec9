"""Recipes of the config theme."""
