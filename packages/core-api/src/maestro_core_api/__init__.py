"""FastAPI with the production middleware already in place, and the same around any Flask or Starlette app."""
