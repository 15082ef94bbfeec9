"""A real Prometheus, started by `scripts/services`."""

import fcntl
import json
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import pytest

SERVICES = Path(__file__).resolve().parents[4] / "scripts" / "services"


@dataclass(frozen=True)
class Prometheus:
    """The server's address and folder, and the questions that tests ask it."""

    url: str
    folder: Path

    def add(self, *, job: str, port: int, rules: str = "") -> None:
        """Scrape a port on loopback as a job, and evaluate rules."""
        if rules:
            (self.folder / "rules" / f"{job}.yml").write_text(rules)
        self._configure(job, [{"job_name": job, "static_configs": [{"targets": [f"127.0.0.1:{port}"]}]}])

    def remove(self, *, job: str) -> None:
        """Forget a job and its rules."""
        (self.folder / "rules" / f"{job}.yml").unlink(missing_ok=True)
        self._configure(job, [])

    def _configure(self, job: str, scrapes: list) -> None:
        # Several test sessions may share the server, so each changes its own entry under a lock.
        with (self.folder / "configuration.lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            path = self.folder / "prometheus.yml"
            configuration = json.loads(path.read_text())
            others = [scrape for scrape in configuration["scrape_configs"] if scrape["job_name"] != job]
            configuration["scrape_configs"] = others + scrapes
            path.write_text(json.dumps(configuration, indent=2))
            with urllib.request.urlopen(urllib.request.Request(f"{self.url}/-/reload", method="POST"), timeout=10):
                pass

    def get(self, path: str, **parameters: str):
        address = f"{self.url}/api/v1/{path}?{urllib.parse.urlencode(parameters)}"
        with urllib.request.urlopen(address, timeout=10) as answer:
            return json.load(answer)["data"]

    def query(self, expr: str) -> list:
        return self.get("query", query=expr)["result"]

    def wait_for(self, what, *, within_s: float = 60):
        """Ask until the answer is truthy; the last answer is in the failure."""
        deadline = time.monotonic() + within_s
        while not (answer := what()):
            assert time.monotonic() < deadline, f"not within {within_s} s; last answer {answer!r}"
            time.sleep(0.2)
        return answer


@pytest.fixture(scope="session")
def prometheus() -> Prometheus:
    started = subprocess.run(
        [sys.executable, str(SERVICES), "up", "prometheus", "--json"], capture_output=True, text=True, check=False
    )
    if started.returncode != 0:
        pytest.fail(f"these tests need Prometheus: {started.stderr}")
    state = json.loads(started.stdout)["prometheus"]
    return Prometheus(state["url"], Path(state["folder"]))


@pytest.fixture
def job(prometheus):
    name = f"orders-{uuid4().hex[:8]}"
    yield name
    prometheus.remove(job=name)
