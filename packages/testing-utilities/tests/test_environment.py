"""Variables for one test, with everything that remembers them told."""

from __future__ import annotations

import os
from functools import lru_cache

import pytest

from maestro_testing import Environment


@lru_cache
def get_settings() -> dict[str, str | None]:
    """Read settings once, as services do."""
    return {"port": os.environ.get("MAESTRO_TEST_PORT"), "debug": os.environ.get("MAESTRO_TEST_DEBUG")}


def test_values_become_text_and_none_removes(maestro_env: Environment) -> None:
    """Numbers and booleans are written as services read them."""
    maestro_env(MAESTRO_TEST_PORT=8000, MAESTRO_TEST_DEBUG=True)
    assert (os.environ["MAESTRO_TEST_PORT"], os.environ["MAESTRO_TEST_DEBUG"]) == ("8000", "true")
    maestro_env(MAESTRO_TEST_PORT=None)
    assert "MAESTRO_TEST_PORT" not in os.environ
    assert os.environ["MAESTRO_TEST_DEBUG"] == "true"


def test_cached_settings_follow_each_change(maestro_env: Environment) -> None:
    """A cached `get_settings` sees the variables of the test, whenever they are set."""
    get_settings()
    maestro_env(MAESTRO_TEST_PORT=1)
    maestro_env.clears(get_settings)
    assert get_settings()["port"] == "1"
    maestro_env(MAESTRO_TEST_PORT=2)
    assert get_settings()["port"] == "2"


def test_everything_is_as_before_afterwards() -> None:
    """Variables are put back and caches forget what the test saw, those set before and those not."""
    environment = Environment(patch := pytest.MonkeyPatch())
    assert patch
    os.environ["MAESTRO_TEST_DEBUG"] = "before"
    try:
        environment.clears(get_settings)
        environment(MAESTRO_TEST_DEBUG="during", MAESTRO_TEST_PORT=3)
        assert get_settings() == {"port": "3", "debug": "during"}
        environment.restore()
        assert get_settings() == {"port": None, "debug": "before"}
    finally:
        del os.environ["MAESTRO_TEST_DEBUG"]
        get_settings.cache_clear()


def test_what_has_no_cache_is_refused(maestro_env: Environment) -> None:
    """Passing the undecorated function would clear nothing: it is said at once."""
    with pytest.raises(TypeError, match="pass the function that lru_cache made"):
        maestro_env.clears(len)  # type: ignore[arg-type]  # that is what is refused
