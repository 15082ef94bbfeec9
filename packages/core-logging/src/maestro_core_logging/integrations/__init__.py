"""Doors to optional systems; importing this package imports none of them."""
