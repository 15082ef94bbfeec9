"""Recipes of the logging theme."""
