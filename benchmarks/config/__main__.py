"""`python -m benchmarks.config [--quick] [--json]`; exit 0 whatever the figures, 2 if it could not measure."""

from __future__ import annotations

import os
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from time import thread_time
from typing import Any

from benchmarks._harness import Costs, at_most, interleaved, medians, ratio, report, run
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


def loading(*, rounds: int) -> Costs:
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
            return interleaved(contestants, rounds=rounds, repeat=5, clock=thread_time)
        finally:
            os.chdir("/")


class Access(BaseConfig):
    """A plain attribute beside live ones."""

    plain: int = 1
    live: int = env("BENCH_LIVE_PORT", "8000", parse=int)
    flag: bool = env("BENCH_LIVE_FLAG", "false", parse=lower_equals("true"))


def access(*, rounds: int, reads: int) -> Costs:
    """Seconds of one attribute access, the empty loop of the same round taken off."""
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

    calls = {"loop": loop, "plain": plain, "live, default": live_default, "live, set": live_set, "os.getenv": getenv}
    found = interleaved(calls, rounds=rounds, clock=thread_time)
    empty = found.pop("loop")
    return {
        name: [(took - nothing) / reads for took, nothing in zip(seconds, empty, strict=True)]
        for name, seconds in found.items()
    }


def rotations() -> dict[str, int]:
    """Rotate leased credentials 50 times over HTTP while a pool is used; count uses, and those the server turns away.

    A rotation revokes the credentials before it, so a use with any but the pool's present ones fails.
    """
    counts = {"reads": 0, "failed": 0, "rotations": 0}
    stop, turn = threading.Event(), threading.Lock()
    with FakeVault() as vault:
        session = VaultSession(vault.address, login=Token(ROOT_TOKEN))
        leased = LeasedCredentials(session, "database/creds/orders")
        first = leased.current
        pool = {"now": first}

        @leased.on_rotation
        def re_key(new: Credentials) -> None:
            with turn:  # whoever uses the pool has finished
                pool["now"] = new

        def read() -> None:
            while not stop.wait(0.0002):
                with turn:
                    accepted = vault.accepts(**pool["now"].content)
                counts["reads"] += 1
                counts["failed"] += not accepted

        reader = threading.Thread(target=read)
        reader.start()
        for _ in range(ROTATIONS):
            leased.rotate()
        stop.set()
        reader.join()
        if vault.accepts(**first.content):
            raise RuntimeError("the server still accepts what was rotated out, so no use could have failed")
        counts["rotations"] = leased.rotations
    return counts


def measure(*, quick: bool) -> dict[str, Any]:
    """Run everything and judge it by the issue's bounds."""
    rounds = 7 if quick else 31
    loaded = loading(rounds=rounds)
    read = access(rounds=rounds * 20, reads=10_000)
    rotated = rotations()
    return report(
        "config",
        packages=PACKAGES,
        rounds=rounds,
        results=[
            *({"name": f"load 200 fields: {n}", "ms": round(ms, 3)} for n, ms in medians(loaded, times=1e3).items()),
            *({"name": f"access: {n}", "ns": round(ns, 1)} for n, ns in medians(read, times=1e9).items()),
            {"name": "rotation under load", **rotated},
        ],
        wanted=[
            at_most("load, ratio to pydantic-settings", ratio(loaded, "BaseConfig", "pydantic-settings"), 1.3),
            at_most(
                "live access, ratio to a plain attribute",
                max(ratio(read, live, "plain") for live in ("live, default", "live, set")),
                3,
            ),
            at_most("failed reads in 50 rotations", rotated["failed"], 0),
        ],
    )


if __name__ == "__main__":
    sys.exit(run(measure))
