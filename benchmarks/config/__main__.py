"""`python -m benchmarks.config [--quick] [--json]`; exit 0 whatever the figures, 2 if it could not measure."""

from __future__ import annotations

import argparse
import gc
import json
import os
import sys
import tempfile
import threading
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from statistics import median
from time import thread_time
from typing import Any

from pydantic import create_model
from pydantic_settings import BaseSettings, SettingsConfigDict, TomlConfigSettingsSource

from maestro_core_config import BaseConfig, ConfigDict, env, load, lower_equals
from maestro_core_config.leases import Credentials, LeasedCredentials
from maestro_core_config.testing import ROOT_TOKEN, FakeVault
from maestro_core_config.vault import Token, VaultSession

FIELDS = 200
ROTATIONS = 50
PACKAGES = ("pydantic", "pydantic-settings", "hvac")


def write_sources(folder: Path) -> dict[str, Any]:
    """Spread 200 values over six sources: arguments, environment, `.env`, secret files and two TOML files."""
    names = [f"field_{number:03d}" for number in range(FIELDS)]
    share = FIELDS // 6
    parts = [names[start : start + share] for start in range(0, share * 6, share)]
    for name in parts[1]:
        os.environ[f"BENCH_{name.upper()}"] = "1"
    (folder / ".env").write_text("".join(f"BENCH_{name.upper()}=2\n" for name in parts[2]))
    (folder / "secrets").mkdir()
    for name in parts[3]:
        (folder / "secrets" / f"bench_{name}").write_text("3")
    (folder / "base.toml").write_text("".join(f"{name} = 4\n" for name in [*parts[4], *parts[5]]))
    (folder / "local.toml").write_text("".join(f"{name} = 5\n" for name in parts[5]))
    return dict.fromkeys(parts[0], 0)


def settings_classes() -> tuple[type[Any], type[Any]]:
    """Make the same 200 fields on both bases, with the same six sources."""
    fields: Any = {f"field_{number:03d}": (int, 9) for number in range(FIELDS)}

    class Theirs(BaseSettings):
        model_config = SettingsConfigDict(env_prefix="BENCH_", env_file=".env", secrets_dir="secrets")

        @classmethod
        def settings_customise_sources(cls, settings_cls: Any, *_: Any, **sources: Any) -> tuple[Any, ...]:
            files = (TomlConfigSettingsSource(settings_cls, name) for name in ("local.toml", "base.toml"))
            return (*sources.values(), *files)

    class Ours(BaseConfig):
        model_config = ConfigDict(
            files=("base.toml", "local.toml"), env_prefix="BENCH_", env_file=".env", secrets_dir="secrets"
        )

    return create_model("TheirSettings", __base__=Theirs, **fields), create_model(
        "OurSettings", __base__=Ours, **fields
    )


def interleaved(contestants: dict[str, Callable[[], object]], *, rounds: int, repeat: int) -> dict[str, float]:
    """Time each contestant once a round, in turns; return the median CPU seconds of one call."""
    seconds: dict[str, list[float]] = {name: [] for name in contestants}
    for _ in range(rounds):
        for name, run in contestants.items():
            gc.collect()
            started = thread_time()
            for _ in range(repeat):
                run()
            seconds[name].append((thread_time() - started) / repeat)
    return {name: median(values) for name, values in seconds.items()}


def loading(*, rounds: int) -> dict[str, float]:
    """Seconds to load 200 fields from six sources; `load()` checks names and live fields besides."""
    with tempfile.TemporaryDirectory() as name:
        os.chdir(name)
        arguments = write_sources(Path(name))
        theirs, ours = settings_classes()
        if theirs(**arguments).model_dump() != ours(**arguments).model_dump():
            raise RuntimeError("the two bases loaded different values")
        contestants: dict[str, Callable[[], object]] = {
            "pydantic-settings": lambda: theirs(**arguments),
            "BaseConfig": lambda: ours(**arguments),
            "BaseConfig, load()": lambda: load(ours, **arguments),
        }
        try:
            return interleaved(contestants, rounds=rounds, repeat=5)
        finally:
            os.chdir("/")


class Access(BaseConfig):
    """A plain attribute beside live ones."""

    plain: int = 1
    live: int = env("BENCH_LIVE_PORT", "8000", parse=int)
    flag: bool = env("BENCH_LIVE_FLAG", "false", parse=lower_equals("true"))


def access(*, rounds: int, reads: int) -> dict[str, float]:
    """Seconds of one attribute access, the empty loop taken off."""
    settings = Access()
    os.environ["BENCH_LIVE_FLAG"] = "true"
    turns = range(reads)

    def loop() -> None:
        for _ in turns:
            pass

    def plain() -> None:
        for _ in turns:
            _ = settings.plain

    def live_default() -> None:
        for _ in turns:
            _ = settings.live

    def live_set() -> None:
        for _ in turns:
            _ = settings.flag

    def getenv() -> None:
        for _ in turns:
            _ = os.getenv("BENCH_LIVE_FLAG", "false").lower() == "true"

    found = interleaved(
        {"loop": loop, "plain": plain, "live, default": live_default, "live, set": live_set, "os.getenv": getenv},
        rounds=rounds,
        repeat=1,
    )
    empty = found.pop("loop")
    return {name: (seconds - empty) / reads for name, seconds in found.items()}


def rotations() -> dict[str, int]:
    """Rotate leased credentials 50 times over HTTP while readers use them; count reads and failed ones."""
    counts = {"reads": 0, "failed": 0, "rotations": 0}
    stop = threading.Event()
    with FakeVault() as vault:
        session = VaultSession(vault.address, login=Token(ROOT_TOKEN))
        leased = LeasedCredentials(session, "database/creds/orders")
        valid = {leased.current.content["password"]}

        @leased.on_rotation
        def re_key(new: Credentials) -> None:
            valid.add(new.content["password"])

        def read() -> None:
            while not stop.wait(0.0002):
                counts["reads"] += 1
                counts["failed"] += leased.current.content["password"] not in valid

        reader = threading.Thread(target=read)
        reader.start()
        for _ in range(ROTATIONS):
            leased.rotate()
        stop.set()
        reader.join()
        counts["rotations"] = leased.rotations
    return counts


def measure(*, quick: bool) -> dict[str, Any]:
    """Run everything and judge it by the issue's bounds."""
    rounds = 7 if quick else 31
    loaded = loading(rounds=rounds)
    read = access(rounds=rounds * 6, reads=20_000)
    rotated = rotations()
    load_ratio = loaded["BaseConfig"] / loaded["pydantic-settings"]
    access_ratio = max(read["live, default"], read["live, set"]) / read["plain"]
    return {
        "subject": "config",
        "versions": {"python": sys.version.split()[0], **{name: version(name) for name in PACKAGES}},
        "rounds": rounds,
        "results": [
            *({"name": f"load 200 fields: {name}", "ms": round(s * 1e3, 3)} for name, s in loaded.items()),
            *({"name": f"access: {name}", "ns": round(s * 1e9, 1)} for name, s in read.items()),
            {"name": "rotation under load", **rotated},
        ],
        "wanted": [
            _wanted("load, ratio to pydantic-settings", load_ratio, 1.3),
            _wanted("live access, ratio to a plain attribute", access_ratio, 3.0),
            _wanted("failed reads in 50 rotations", rotated["failed"], 0),
        ],
    }


def _wanted(name: str, value: float, bound: float) -> dict[str, Any]:
    return {"name": name, "value": round(value, 2), "bound": f"<= {bound:g}", "holds": value <= bound}


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="benchmarks.config")
    parser.add_argument("--quick", action="store_true", help="fewer rounds")
    parser.add_argument("--json", action="store_true", help="print JSON only")
    options = parser.parse_args()
    try:
        report = measure(quick=options.quick)
    except (OSError, RuntimeError, ImportError) as exc:
        print(f"could not measure: {exc}", file=sys.stderr)
        return 2
    if options.json:
        print(json.dumps(report, indent=2))
        return 0
    for result in report["results"]:
        print("  ".join(str(value) for value in result.values()))
    for row in report["wanted"]:
        print(f"{'holds' if row['holds'] else 'MISSED'}  {row['name']}: {row['value']} ({row['bound']})")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
