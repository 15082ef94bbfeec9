"""Reads a job, drives the app, writes the outcome; whatever goes wrong with the service is part of the outcome."""

import base64
import importlib
import json
import os
import resource
import sys
import time
from pathlib import Path
from typing import Any

from ._cases import SAFE, cases_of
from ._clients import AsgiClient, FlaskClient, NotStarted
from ._isolation import Isolation
from ._observed import Observer, metric_series

MOST_SECONDS = 8.0


def main() -> None:
    """Do the job that the first argument names, and write to the second."""
    job = json.loads(Path(sys.argv[1]).read_text())
    isolation = Isolation(Path(job["tree"]))
    try:
        outcome = drive(job, isolation)
    except NotStarted as error:
        outcome = {"problem": f"the app does not start: {error}"}
    Path(sys.argv[2]).write_text(json.dumps(outcome))
    os._exit(0)  # threads and exit hooks of the service may never end


def drive(job: dict[str, Any], isolation: Isolation) -> dict[str, Any]:
    """
    Return the answers to the job's requests, or the requests themselves where it has none.

    Raises:
        NotStarted: the app's start-up fails.
    """
    found = _load(job["candidates"])
    if isinstance(found, str):
        return {"problem": found}
    candidate, app = found
    if job["cases"] is None:
        return {
            "candidate": candidate,
            "cases": cases_of(app, limit=job["limit"], only_safe=not isolation.is_whole),
            "is_whole": isolation.is_whole,
        }
    client = FlaskClient(app) if hasattr(app, "test_client") and hasattr(app, "url_map") else AsgiClient(app)
    client.start()
    observer = Observer(isolation)
    isolation.start_requests()
    answers = []
    for case in job["cases"]:
        answer = client.ask(case)
        body = base64.b64encode(answer.pop("body")).decode()
        answers.append({**answer, "body": body, **observer.taken()})
    return {"answers": answers, "series": metric_series(), **_timed(client, job["cases"], answers)}


def _load(candidates: list[list[Any]]) -> tuple[list[Any], Any] | str:
    """Return the first candidate that gives an app, or why none does."""
    problem = "no module of the service makes a FastAPI, Flask or Starlette app"
    for module, name, is_factory in candidates:
        try:
            found = getattr(importlib.import_module(module), name)
            app = found() if is_factory else found
        except BaseException as error:  # noqa: BLE001  # a module may raise anything, SystemExit too
            problem = f"{module}:{name} does not load without a network: {type(error).__name__}: {error}"[:300]
            continue
        if callable(app) and (hasattr(app, "url_map") or hasattr(app, "routes")):
            return [module, name, is_factory], app
    return problem


def _timed(client: Any, cases: list[dict[str, Any]], answers: list[dict[str, Any]]) -> dict[str, Any]:
    """Return how long safe requests that succeed take, in seconds, one list a request; and the peak memory in KiB."""
    steady = [
        (index, case)
        for index, (case, answer) in enumerate(zip(cases, answers, strict=True))
        if case["method"] in SAFE and answer["status"] is not None and answer["status"] < 400 and "raised" not in answer
    ]
    timings: dict[str, list[float]] = {str(index): [] for index, _ in steady}
    ends = time.monotonic() + MOST_SECONDS
    for _ in range(50):
        for index, case in steady:
            start = time.perf_counter()
            client.ask(case)
            timings[str(index)].append(time.perf_counter() - start)
        if time.monotonic() > ends:
            break
    return {"timings": timings, "peak_kib": _peak_kib()}


def _peak_kib() -> int:
    """Return this process's own peak memory: Linux hands `ru_maxrss` down from the parent, `VmHWM` it does not."""
    try:
        return int(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0])
    except (OSError, IndexError):
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


if __name__ == "__main__":
    main()
