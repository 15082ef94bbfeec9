"""Typed configuration: pydantic-settings with layers, live reading, Vault and encrypted values."""
