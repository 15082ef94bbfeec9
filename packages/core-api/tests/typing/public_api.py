"""What type checkers see of the public names; `test_typing.py` runs mypy strict over it."""

from collections.abc import Mapping
from typing import assert_type

from fastapi import FastAPI
from flask import Flask
from starlette.applications import Starlette

from maestro_core_api import MaestroAPI, ReadinessCheck, instrument
from maestro_monitoring import RequestMetrics

app = MaestroAPI(title="Orders", service_name="orders", metrics=RequestMetrics(namespace="typed"), security_headers={})
assert_type(app, MaestroAPI)
a_fastapi: FastAPI = app


@app.get("/")
def read() -> int:
    """Be decorated as with FastAPI."""
    return app.requests_in_flight


async def ping() -> bool:
    """Be a check."""
    return True


app.add_readiness_check("db", ping, timeout_s=0.5)
app.add_readiness_check("cache", lambda: None)
app.begin_drain()

checks: Mapping[str, ReadinessCheck] = {"db": ping}
assert_type(instrument(Flask("catalog"), readiness=checks), Flask)
assert_type(instrument(Starlette(), service_name="s"), Starlette)

instrument(app, service="s")  # type: ignore[call-arg]  # a misspelt option is an error
app.add_readiness_check("db")  # type: ignore[call-arg]  # a check is needed
