"""core-config against pydantic-settings: loading, access, rotation."""
