"""Pytest plugin and fakes shared by the fleet's test-suites."""
