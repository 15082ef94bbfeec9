"""Lines a second to a file with equal fields: ours, structlog, the standard library with python-json-logger, loguru."""
