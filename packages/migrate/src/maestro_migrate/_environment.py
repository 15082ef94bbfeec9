"""
The environment in which a service's tests run: a copy of the one that is given, or one built from the service's manifests.

A given environment is never modified. The shared libraries are added to the copy such that nothing that is installed changes: every
distribution is constrained to the version it has.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from packaging.utils import canonicalize_name

from ._libraries import CommandFailed, library_pins, run, tells_of_no_index, uv
from .errors import UnusableInput
from .manifests import NotEditable, read_table

__all__ = ["Environment", "build_environment", "copy_environment", "existing_environment"]

OLDEST_PYTHON = (3, 11)


@dataclass
class Environment:
    """A virtual environment of ours in `folder`."""

    folder: Path
    version: tuple[int, int]
    conflicts: dict[str, str | None] = field(default_factory=dict)

    @property
    def python(self) -> Path:
        """Return the interpreter."""
        return self.folder / "bin" / "python"

    def variables(self, extra: dict[str, str]) -> dict[str, str]:
        """Return the process environment for a command in this environment: its `bin` first on PATH, nothing of ours left in."""
        kept = {
            name: value
            for name, value in os.environ.items()
            if name
            not in {
                "PYTHONPATH",
                "PYTHONHOME",
                "VIRTUAL_ENV",
                "PYTEST_ADDOPTS",
                "PYTEST_CURRENT_TEST",
                "PYTEST_XDIST_WORKER",
                "PYTEST_XDIST_WORKER_COUNT",
                "COVERAGE_PROCESS_START",
            }
        }
        return {
            **kept, "VIRTUAL_ENV": str(self.folder), "PATH": f"{self.folder / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}",
            "PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1", **extra,
        }  # fmt: skip

    def frozen(self) -> list[str]:
        """Return what is installed, from wherever, as constraints: `name==version`."""
        command = [uv(), "pip", "list", "--format", "json", "--python", str(self.python)]
        listed = run(command, what="listing what is installed", advice="check that the environment works")
        return [f"{each['name']}=={each['version']}" for each in json.loads(listed)]

    def conflict(self, distribution: str, where: list[str]) -> str | None:
        """Return why a library cannot be installed beside what is there, with the pin that stands in the way, or `None`."""
        if distribution not in self.conflicts:
            self.conflicts[distribution] = self._conflict(distribution, where)
        return self.conflicts[distribution]

    def _conflict(self, distribution: str, where: list[str]) -> str | None:
        if self.version < OLDEST_PYTHON:
            return f"the environment has Python {self.version[0]}.{self.version[1]} and the shared libraries need {OLDEST_PYTHON[0]}.{OLDEST_PYTHON[1]}"
        try:
            self._install([distribution], where, "--dry-run")
        except CommandFailed as error:
            return (
                _pin_named(error.output, self.frozen())
                or f"{distribution} cannot be resolved: {' '.join(error.output.split())[:400]}"
            )
        return None

    def add(self, distributions: list[str], where: list[str]) -> None:
        """
        Install libraries without changing what is installed.

        Raises:
            CommandFailed: they cannot be resolved beside the installed versions.
        """
        if distributions:
            self._install(distributions, where, "--compile-bytecode")

    def _install(self, distributions: list[str], where: list[str], *options: str) -> None:
        constraints = self.folder / "maestro-constraints.txt"
        installed = {str(canonicalize_name(pin.partition("==")[0])): pin for pin in self.frozen()}
        constraints.write_text("\n".join({**library_pins(where), **installed}.values()) + "\n")
        command = [
            uv(),
            "pip",
            "install",
            "-q",
            "--python",
            str(self.python),
            "--constraint",
            str(constraints),
            *where,
            *options,
            *distributions,
        ]
        what, advice = f"installing {', '.join(distributions)}", "see which pin is in the way, or give --libs"
        try:
            run(command, what=what, advice=advice)
        except CommandFailed as error:
            if not tells_of_no_index(error.output):
                raise
            # uv also asks the indexes of the project in whose folder it runs: one that is out of reach says nothing about our libraries.
            run(command, what=what, advice=advice, cwd=self.folder)


def _pin_named(output: str, frozen: list[str]) -> str | None:
    text = " ".join(output.split())
    for pin in frozen:
        if re.search(rf"(?<![\w-]){re.escape(pin)}(?![\w.])", text):
            return f"{pin} is installed and the library needs another version ({text[:300]})"
    return None


def _version_of(python: Path, venv: Path) -> tuple[int, int]:
    try:
        done = subprocess.run(
            [str(python), "-c", "import sys, json; print(json.dumps(sys.version_info[:2]))"],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise UnusableInput(
            venv, f"its python does not start ({error})", advice="make the environment anew and give it again"
        ) from error
    if done.returncode != 0:
        raise UnusableInput(
            venv,
            f"its python fails ({done.stderr.strip()[-200:]})",
            advice="make the environment anew and give it again",
        )
    major, minor = json.loads(done.stdout)
    return (major, minor)


def existing_environment(venv: Path) -> Environment:
    """
    Return an environment of somebody else's, to be read only.

    Raises:
        UnusableInput: the folder is no virtual environment, or its interpreter does not run.
    """
    if not (venv / "bin" / "python").exists():
        raise UnusableInput(
            venv,
            "is no virtual environment (it has no bin/python that exists)",
            advice="give the folder that `python -m venv` or `uv venv` made",
        )
    return Environment(venv, _version_of(venv / "bin" / "python", venv))


def copy_environment(venv: Path, target: Path, *, old_root: Path, new_root: Path) -> Environment:
    """
    Copy a virtual environment, with what points at the service pointing at its copy.

    Raises:
        UnusableInput: the folder is no virtual environment, or its interpreter does not run.
    """
    version = existing_environment(venv).version
    shutil.copytree(venv, target, symlinks=True)  # with its bytecode, which every run would otherwise compile again
    old, new = str(venv.absolute()).encode(), str(target).encode()
    resolved = str(venv.resolve()).encode()
    for script in (target / "bin").iterdir():
        if script.is_symlink() or not script.is_file():
            continue
        raw = script.read_bytes()
        is_script = raw.startswith(b"#!") or script.name.startswith("activate")
        if is_script and (old in raw or resolved in raw):
            script.write_bytes(raw.replace(resolved, new).replace(old, new))
    for path in _pointers(target):
        raw = path.read_bytes()
        moved = raw.replace(old, new).replace(resolved, new)
        for root in {str(old_root), str(old_root.resolve())}:
            moved = re.sub(re.escape(root.encode()) + rb"(?=[/\"'\s]|$)", str(new_root).encode(), moved)
        if moved != raw:
            path.write_bytes(moved)
    return Environment(target, version)


def _pointers(environment: Path) -> Iterator[Path]:
    for packages in environment.glob("lib*/python*/site-packages"):
        yield from packages.glob("*.pth")
        yield from packages.glob("*.egg-link")
        yield from packages.glob("__editable__*.py")
        yield from packages.glob("*.dist-info/direct_url.json")


def build_environment(root: Path, target: Path) -> Environment:
    """
    Build an environment from the manifests of the service in `root`, with pytest.

    Raises:
        CommandFailed: a manifest cannot be installed; `--venv` names an environment in which the tests run.
    """
    advice = "give an environment in which the tests run with --venv, or say --no-verify"
    run([uv(), "venv", "-q", "--python", sys.executable, str(target)], what="making an environment", advice=advice)
    environment = Environment(target, (sys.version_info.major, sys.version_info.minor))
    wanted = _wanted(root)
    if wanted:
        run(
            [uv(), "pip", "install", "-q", "--compile-bytecode", "--python", str(environment.python), *wanted],
            what="installing the service's dependencies",
            advice=advice,
            cwd=root,
        )
    run(
        [uv(), "pip", "install", "-q", "--compile-bytecode", "--python", str(environment.python), "pytest"],
        what="installing pytest",
        advice=advice,
    )
    return environment


def _wanted(root: Path) -> list[str]:
    """Return uv's arguments that install what the service and its tests declare."""
    arguments: list[str] = []
    files = sorted({*root.glob("*requirements*.txt"), *root.glob("requirements/*.txt")})
    for path in files:
        arguments += ["-r", str(path.relative_to(root))]
    pyproject = _table_in(root / "pyproject.toml")
    project = pyproject.get("project", {})
    extras = sorted(set(project.get("optional-dependencies", {})) & {"test", "tests", "testing", "dev", "develop"})
    setup = (root / "setup.py").is_file()
    if project or "poetry" in pyproject.get("tool", {}) or setup:
        arguments += ["-e", f".[{','.join(extras or _setup_extras(root))}]" if extras or _setup_extras(root) else "."]
    for group in sorted(set(pyproject.get("dependency-groups", {})) & {"test", "tests", "dev"}):
        arguments += ["--group", group]
    poetry = pyproject.get("tool", {}).get("poetry", {})
    for group in (*poetry.get("group", {}).values(), {"dependencies": poetry.get("dev-dependencies", {})}):
        arguments += [
            requirement(name, spec) for name, spec in group.get("dependencies", {}).items() if name != "python"
        ]
    pipfile = _table_in(root / "Pipfile")
    for section in ("packages", "dev-packages"):
        arguments += [requirement(name, spec) for name, spec in pipfile.get(section, {}).items()]
    return arguments


def _setup_extras(root: Path) -> list[str]:
    text = "".join(
        (root / name).read_text(errors="replace") for name in ("setup.py", "setup.cfg") if (root / name).is_file()
    )
    return [name for name in ("dev", "test", "tests") if re.search(rf"""(?m)^\s*["']?{name}["']?\s*[:=]""", text)]


def _table_in(path: Path) -> dict[str, Any]:
    try:
        return read_table(path)
    except NotEditable:  # the installer says what is wrong with it, or the finding about it does
        return {}


def requirement(name: str, spec: Any) -> str:
    """Return what pip takes for an entry of Poetry's or Pipenv's tables; of several versions for several Pythons, whichever fits."""
    table = spec if isinstance(spec, dict) else {"version": "*" if isinstance(spec, list) else spec}
    if "path" in table:
        return f"./{table['path']}"
    extras = f"[{','.join(table['extras'])}]" if table.get("extras") else ""
    if "url" in table:
        return f"{name}{extras} @ {table['url']}"
    if "git" in table:
        reference = table.get("rev") or table.get("tag") or table.get("branch") or table.get("ref")
        return f"{name}{extras} @ git+{table['git']}{'@' + reference if reference else ''}"
    return f"{name}{extras}{_specifier(str(table.get('version', '*')))}"


def _specifier(text: str) -> str:
    text = text.rsplit("||", maxsplit=1)[-1].strip()
    if text in {"*", ""}:
        return ""
    if text[0] == "^":
        parts = text[1:].split(".")
        lead = next((i for i, part in enumerate(parts) if part != "0"), len(parts) - 1)
        upper = [*parts[:lead], str(int(re.sub(r"\D.*", "", parts[lead]) or 0) + 1)]
        return f">={text[1:]},<{'.'.join(upper)}"
    if text[0] == "~" and not text.startswith("~="):
        parts = text[1:].split(".")
        return f">={text[1:]},=={'.'.join(parts[: max(1, len(parts) - 1)])}.*"
    return text if text[0] in "<>=!~" else f"=={text}"
