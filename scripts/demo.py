"""
Show the main job: migrate the legacy fleet, prove that nothing changed, run one migrated service, make rules of objectives, take it back byte for byte.

Works in `.demo/`, so that the examples stay as they are. Ends with a table and where the reports lie; exit code 1 if a promise is not kept.
"""

import hashlib
import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).resolve().parent.parent
FLEET = ROOT / "examples" / "legacy-fleet"
WORK = ROOT / ".demo"
MAESTRO = ROOT / ".venv" / "bin" / "maestro"
WANTED_SHARE = 0.90
SHOWN = ("orders-api", "ledger-service")


def main() -> int:
    """Run the whole show and return its exit code."""
    console = Console(width=max(130, Console().width))
    shutil.rmtree(WORK, ignore_errors=True)
    services = sorted(path.name for path in FLEET.iterdir() if path.is_dir())
    os.environ["XDG_STATE_HOME"] = str(WORK / "state")
    for name in services:
        shutil.copytree(
            FLEET / name, WORK / "fleet" / name, ignore=shutil.ignore_patterns("__pycache__", ".pytest_cache")
        )
    before = {name: tree_hash(WORK / "fleet" / name) for name in services}
    with ThreadPoolExecutor(max_workers=2) as pool:
        reports = dict(zip(services, pool.map(migrate, services), strict=True))
    table, promises = summary(reports)
    shown = next(name for name in SHOWN if name in services)
    promises += show_running(shown, console)
    promises.append(show_objectives(console))
    run([MAESTRO, "migrate", "rollback", WORK / "fleet" / shown])
    promises.append(
        (f"{shown} is byte for byte what it was after the rollback", tree_hash(WORK / "fleet" / shown) == before[shown])
    )
    console.print(table)
    for promise, kept in promises:
        console.print(f"  {'[green]yes[/green]' if kept else '[red]NO [/red]'}  {promise}", highlight=False)
    console.print(f"reports: {WORK / 'reports'}/<service>/report.html", soft_wrap=True)
    return 0 if all(kept for _, kept in promises) else 1


def migrate(name: str) -> dict:
    """Migrate one service of the copy, telling how far it is, and return its report."""
    folder = WORK / "reports" / name
    with subprocess.Popen(
        [MAESTRO, "migrate", "service", WORK / "fleet" / name, "--report", folder],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as running:
        assert running.stderr is not None
        for line in running.stderr:
            print(f"{name}: {line.rstrip()}", flush=True)
    if running.returncode == 2:
        raise SystemExit(f"maestro could not work with {name}; see above")
    return json.loads((folder / "report.json").read_text())


def answered(parity: dict) -> str:
    """Return how many requests old and new code answered alike; a service that starts no web app without its broker has none."""
    return f"{parity['identical']} of {parity['requests']}" if "requests" in parity else "none"


def summary(reports: dict[str, dict]) -> tuple[Table, list[tuple[str, bool]]]:
    """Return the closing table and the promises about the fleet, each with whether it is kept."""
    table = Table(title="The legacy fleet, migrated")
    for column in (
        "service",
        "files",
        "sites",
        "rewritten",
        "findings",
        "tests before",
        "after",
        "answers alike",
        "regressions",
    ):
        table.add_column(column, justify="left" if column == "service" else "right", no_wrap=True)
    sites = rewritten = regressions = silent = 0
    for name, report in reports.items():
        of_service = report["recipes"].values()
        found, made, left = (sum(recipe[key] for recipe in of_service) for key in ("sites", "applied", "findings"))
        tests = report["tests"]
        ran = [
            (
                f"{side['passed']} of {sum(side[k] for k in ('passed', 'failed', 'errors', 'skipped'))}"
                if "passed" in side
                else "none"
            )
            for side in (tests["before"], tests["after"])
        ]
        table.add_row(
            name,
            str(report["files"]["changed"]),
            str(found),
            str(made),
            str(left),
            *ran,
            answered(report["parity"]),
            str(len(tests["regressions"])),
        )
        sites, rewritten, regressions = sites + found, rewritten + made, regressions + len(tests["regressions"])
        silent += sum(max(0, recipe["sites"] - recipe["applied"] - recipe["findings"]) for recipe in of_service)
    return table, [
        (f"{len(reports)} services, {regressions} regressions", regressions == 0),
        (
            f"{rewritten} of {sites} plumbing sites rewritten ({rewritten / sites:.0%}; wanted {WANTED_SHARE:.0%})",
            rewritten >= WANTED_SHARE * sites,
        ),
        ("every remaining site is a finding with a reason", silent == 0),
    ]


def show_running(name: str, console: Console) -> list[tuple[str, bool]]:
    """Start a migrated service, call it, and return what it was seen doing."""
    tree = WORK / "fleet" / name
    environment = WORK / "env"
    python = prepare(tree, environment)
    port = free_port()
    app = next(f"{path.parent.name}.main:app" for path in sorted(tree.glob("*/main.py")))
    variables = {
        **os.environ,
        "PYTHONUNBUFFERED": "1",
        "PATH": f"{environment / 'bin'}:{os.environ['PATH']}",
        **settings_of(tree),
    }
    log = WORK / f"{name}.log"
    with log.open("wb") as sink:
        server = subprocess.Popen(
            [python, "-m", "uvicorn", app, "--port", str(port)], cwd=tree, env=variables, stdout=sink, stderr=sink
        )
    try:
        wait_for(f"http://127.0.0.1:{port}/livez", server, log)
        answers = {path: get(f"http://127.0.0.1:{port}{path}") for path in ("/livez", "/readyz", "/health", "/metrics")}
    finally:
        server.terminate()
        server.wait(20)
    lines = [line for line in log.read_text(errors="replace").splitlines() if line.startswith("{")]
    mine = [line for line in lines if answers["/health"][1] in line]
    for path, (status, request_id, body) in answers.items():
        console.print(f"  GET {path} -> {status}, request id {request_id}, {len(body)} bytes", highlight=False)
    console.print(f"  {mine[-1] if mine else '(no structured line)'}", highlight=False, soft_wrap=True)
    measured = [line for line in answers["/metrics"][2].decode().splitlines() if '"/health"' in line]
    shown = [line for line in measured if "_count{" in line or "_sum{" in line]
    for line in shown:
        console.print(f"  {line}", highlight=False, soft_wrap=True)
    return [
        (
            f"{name} runs migrated: /livez, /readyz and /metrics answer",
            all(answers[path][0] == 200 for path in ("/livez", "/readyz", "/metrics")),
        ),
        ("its answers carry a request id", bool(answers["/health"][1])),
        ("its own metrics still count and time requests by route", len(shown) == 2),
        (
            "its log has structured lines with that request id",
            bool(mine),
        ),
    ]


def show_objectives(console: Console) -> tuple[str, bool]:
    """Generate the rules of the example's objectives, test them with promtool where it is, and return the promise."""
    out = WORK / "monitoring"
    arguments = ["slos:SLOS", "--out", str(out)]
    variables = {**os.environ, "PYTHONPATH": str(ROOT / "examples")}
    run([MAESTRO, "monitoring", "generate", *arguments], env=variables)
    tool = [] if shutil.which("promtool") else ["--no-promtool"]
    checked = subprocess.run([MAESTRO, "monitoring", "check", *arguments, *tool], env=variables, check=False)
    console.print(f"  rules, their tests and a dashboard: {out}", highlight=False, soft_wrap=True)
    verdict = "not tested, promtool is not installed" if tool else "promtool agrees"
    return f"rules and alerts are generated from objectives in code ({verdict})", checked.returncode == 0


def prepare(tree: Path, environment: Path) -> Path:
    """Make an environment in which the migrated service runs and return its interpreter."""
    from maestro_migrate._environment import build_environment
    from maestro_migrate._libraries import library_arguments

    shutil.copytree(FLEET / tree.name, WORK / "original", ignore=shutil.ignore_patterns("__pycache__"))
    made = build_environment(WORK / "original", environment)
    made.add(
        ["maestro-core-api[fastapi]", "maestro-core-config", "maestro-core-logging", "uvicorn"], library_arguments(None)
    )
    return made.python


def settings_of(tree: Path) -> dict[str, str]:
    """Return variables under which an example service starts without any server beside it."""
    return {
        "DATABASE_URL": f"sqlite:///{tree.parent / 'demo.db'}",
        "APP_ENV": "demo",
        "SECRET_KEY": "only-for-the-demo",
        "JWT_SECRET": "only-for-the-demo",
    }


def free_port() -> int:
    """Return a port on loopback that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(url: str, server: subprocess.Popen[bytes], log: Path) -> None:
    """Return once a service answers."""
    for _ in range(1200):  # two minutes: the machine may be busy
        if server.poll() is not None:
            sys.exit(f"the service ended:\n{log.read_text(errors='replace')[-2000:]}")
        try:
            get(url)
        except OSError:
            time.sleep(0.1)
        else:
            return
    sys.exit(f"the service did not answer:\n{log.read_text(errors='replace')[-2000:]}")


def get(url: str) -> tuple[int, str, bytes]:
    """Return status, request id and body of an answer, whatever the status."""
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310  # loopback only
            return answer.status, answer.headers.get("X-Request-ID", ""), answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.headers.get("X-Request-ID", ""), error.read()


def tree_hash(folder: Path) -> str:
    """Return a hash over every file's path, mode and bytes."""
    found = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            found.update(
                f"{path.relative_to(folder)} {path.stat().st_mode:o} ".encode()
                + hashlib.sha256(path.read_bytes()).digest()
            )
    return found.hexdigest()


def run(command: list, *, env: dict[str, str] | None = None) -> None:
    """Run a command that must succeed."""
    subprocess.run(command, check=True, env=env)


if __name__ == "__main__":
    sys.exit(main())
