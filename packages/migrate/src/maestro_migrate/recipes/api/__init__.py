"""Recipes of the api theme."""
