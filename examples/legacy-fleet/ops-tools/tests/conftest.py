import pytest


@pytest.fixture(autouse=True)
def no_colours(monkeypatch):
    monkeypatch.delenv("FORCE_COLOR", raising=False)
