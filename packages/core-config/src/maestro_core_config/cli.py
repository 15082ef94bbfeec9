"""`maestro config …`: check, explain, document and compare any importable settings class; encrypt values.

Exit codes: 0 done, 1 a check failed, 2 wrong use or unreadable input. Needs the extra `cli`.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

import click
from pydantic_settings import BaseSettings

from . import documents
from ._base import BaseConfig
from ._explain import Explanations, explain
from ._loading import load
from ._problems import InvalidConfiguration
from ._replacing import replace_file
from .crypto import DecryptionError, Keyring, new_key, rewrite_envelopes
from .errors import ConfigError

_FORMATS: dict[str, Callable[[Any, str], str]] = {
    "env": lambda cls, _: documents.env_example(cls),
    "kubernetes": lambda cls, name: documents.kubernetes_manifests(cls, name=name),
    "markdown": lambda cls, _: documents.reference_page(cls),
}
_output = click.option(
    "--output", type=click.Path(path_type=Path), help="Write to this file instead of standard output."
)
_check = click.option("--check", type=click.Path(path_type=Path), help="Exit 1 if this file differs; write nothing.")
_target = click.argument("target", metavar="MODULE:CLASS")


@click.group()
def config() -> None:
    """Check, explain, document and compare settings; encrypt values."""


@config.command()
@_target
def validate(target: str) -> None:
    """Load the settings and report everything that is wrong, in one go."""
    settings_cls = _settings_class(target)
    _load(settings_cls)
    click.echo(f"{settings_cls.__name__}: valid")


@config.command("explain")
@_target
@click.argument("names", nargs=-1)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def explain_settings(target: str, names: tuple[str, ...], as_json: bool) -> None:
    """Say which layer gave each value, with file and line, and what it hides; secrets are masked."""
    explanations = explain(_load(_settings_class(target)))
    chosen = _chosen(explanations, names)
    if as_json:
        click.echo(json.dumps([_as_json(explanations[name]) for name in chosen], indent=2))
    else:
        click.echo("\n".join(str(explanations[name]) for name in chosen))


@config.command()
@_target
@_output
@_check
def schema(target: str, output: Path | None, check: Path | None) -> None:
    """Print the JSON Schema of the settings."""
    _emit(documents.json_schema_text(_settings_class(target)), output, check)


@config.command()
@_target
@click.option("--format", "kind", type=click.Choice(sorted(_FORMATS)), default="markdown", show_default=True)
@click.option("--name", default="settings", show_default=True, help="Name of the Kubernetes objects.")
@_output
@_check
def docs(target: str, kind: str, name: str, output: Path | None, check: Path | None) -> None:
    """Print a reference page, a `.env` example or Kubernetes manifests."""
    _emit(_FORMATS[kind](_settings_class(target), name), output, check)


@config.command()
@_target
@click.argument("first")
@click.argument("second")
@click.option("--exit-code", is_flag=True, help="Exit 1 if there is a difference.")
def diff(target: str, first: str, second: str, exit_code: bool) -> None:
    """Compare the settings of two environments; of secrets only whether they differ."""
    settings_cls = _settings_class(target)
    one, two = (_loaded_in(settings_cls, environment) for environment in (first, second))
    lines = [
        f"{name}: {one[name][1]} -> {two[name][1]}"
        for name in sorted({*one, *two})
        if name in one and name in two and one[name][0] != two[name][0]
    ]
    click.echo("\n".join(lines) if lines else f"{first} and {second} are the same")
    if lines and exit_code:
        raise SystemExit(1)


@config.command()
@click.option("--new-key", "key_id", metavar="ID", help="Make a new key with this id instead of encrypting.")
@click.option("--for", "name", metavar="NAME", help="Let the value open as this setting only, such as db.password.")
def encrypt(key_id: str | None, name: str | None) -> None:
    """Encrypt a value read from standard input (never an argument, which shells and process lists keep)."""
    with _told():
        if key_id is not None:
            click.echo(new_key(key_id))
            return
        click.echo(_keyring().encrypt(_typed("Value to encrypt"), name=name))


@config.command()
@click.argument("file", required=False, type=click.Path(exists=True, dir_okay=False, path_type=Path))
def decrypt(file: Path | None) -> None:
    """Print a file with its encrypted values opened, or open one value read from standard input."""
    ring = _keyring()
    with _told():
        if file is None:
            click.echo(ring.decrypt(_typed("Value to decrypt")))
        else:
            click.echo(rewrite_envelopes(file.read_bytes().decode(), ring.decrypt), nl=False)


@config.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--check", is_flag=True, help="Exit 1 if a value is not encrypted with the first key; write nothing.")
def rotate(files: tuple[Path, ...], check: bool) -> None:
    """Encrypt the values in files again with the first key of MAESTRO_CONFIG_KEYS."""
    ring = _keyring()
    with _told():
        rotated = {file: rewrite_envelopes(file.read_bytes().decode(), ring.rotate).encode() for file in files}
    outdated = [file for file, content in rotated.items() if content != file.read_bytes()]
    for file in outdated:
        if not check:
            with _told():
                replace_file(file, rotated[file])
        click.echo(f"{file}: {'to rotate' if check else 'rotated'}")
    if check and outdated:
        raise SystemExit(1)


def _settings_class(target: str) -> Any:
    module_name, colon, class_name = target.partition(":")
    if not colon:
        raise click.UsageError(f"{target!r} is not of the form MODULE:CLASS")
    if "" not in sys.path and str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))
    try:
        found: Any = importlib.import_module(module_name)
        for step in class_name.split("."):
            found = getattr(found, step)
    except Exception as exc:
        # A settings module runs the service's own code, which may raise anything; its text may quote a value.
        reason = str(exc) if isinstance(exc, ImportError | AttributeError) else type(exc).__name__
        raise click.UsageError(f"cannot import {target}: {reason}") from exc
    if not (isinstance(found, type) and issubclass(found, BaseSettings)):
        raise click.UsageError(f"{target} is not a class that derives from BaseConfig or BaseSettings")
    return found if issubclass(found, BaseConfig) else _adopted(found)


def _adopted(settings_cls: Any) -> Any:
    """Derive a class of ours from one of pydantic-settings', whose behaviour is a subset of ours."""

    class Adopted(settings_cls, BaseConfig):  # type: ignore[misc]  # known at run time
        model_config: ClassVar[Any] = {**settings_cls.model_config, "hide_input_in_errors": True}

        @classmethod
        def settings_customise_sources(cls, *args: Any, **kwargs: Any) -> Any:  # of our own, so that it is observed
            return super().settings_customise_sources(*args, **kwargs)

    for attribute in ("__name__", "__qualname__", "__module__", "__doc__"):
        setattr(Adopted, attribute, getattr(settings_cls, attribute))
    return Adopted


def _load(settings_cls: Any) -> Any:
    try:
        return load(settings_cls)
    except InvalidConfiguration as exc:
        click.echo(str(exc), err=True)
        raise SystemExit(1) from None


def _loaded_in(settings_cls: Any, environment: str) -> dict[str, tuple[Any, str]]:
    variable = settings_cls.model_config.get("environment_variable", "ENVIRONMENT")
    before = os.environ.get(variable)
    os.environ[variable] = environment
    try:
        settings = load(settings_cls)
        explanations = explain(settings)
        return {name: (_value(settings, name), explanations[name].shown) for name in explanations}
    except InvalidConfiguration as exc:
        click.echo(f"in {environment}: {exc}", err=True)
        raise SystemExit(1) from None
    finally:
        if before is None:
            del os.environ[variable]
        else:
            os.environ[variable] = before


def _value(settings: Any, name: str) -> Any:
    for step in name.split("."):
        settings = getattr(settings, step)
    return settings


def _chosen(explanations: Explanations, names: tuple[str, ...]) -> list[str]:
    unknown = [name for name in names if name not in explanations]
    if unknown:
        raise click.UsageError(f"no such setting: {', '.join(unknown)}")
    return list(names or explanations)


def _as_json(explanation: Any) -> dict[str, Any]:
    return {
        "name": explanation.name,
        "value": explanation.shown,
        "layer": explanation.place.layer,
        "location": explanation.place.location,
        "overrides": [
            {"value": o.shown, "layer": o.place.layer, "location": o.place.location} for o in explanation.overrides
        ],
    }


def _emit(text: str, output: Path | None, check: Path | None) -> None:
    if check is not None:
        if not check.is_file() or check.read_text(encoding="utf-8") != text:
            click.echo(f"{check} is not what the settings class says; write it again with --output {check}", err=True)
            raise SystemExit(1)
        click.echo(f"{check}: up to date")
    elif output is not None:
        with _told():
            replace_file(output, text.encode())
    else:
        click.echo(text, nl=False)


def _keyring() -> Keyring:
    with _told():
        return Keyring.from_environment()


def _typed(prompt: str) -> str:
    if sys.stdin.isatty():
        return str(click.prompt(prompt, hide_input=True))
    return sys.stdin.read().removesuffix("\n")


@contextmanager
def _told() -> Iterator[None]:
    """Turn what cannot be opened or read into exit code 2 and a sentence."""
    try:
        yield
    except (DecryptionError, ConfigError, OSError) as exc:
        raise click.UsageError(str(exc)) from None
    except UnicodeDecodeError:
        raise click.UsageError("the file is not UTF-8") from None
