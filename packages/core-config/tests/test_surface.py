"""The public surface: sorted, documented, cheap to import."""

from __future__ import annotations

import ast
import inspect
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
from pydantic_settings import SettingsConfigDict

import maestro_core_config as config
from maestro_core_config import cli, crypto, documents, leases, testing, vault

README = Path(__file__).parents[1] / "README.md"
BLOCKS = re.findall(r"^```python\n(.*?)^```", README.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)


def test_all_is_sorted_and_every_name_is_in_the_readme_or_has_a_docstring() -> None:
    """Nothing public is without a word about it."""
    assert config.__all__ == sorted(config.__all__)
    text = README.read_text(encoding="utf-8")
    silent = [name for name in config.__all__ if name not in text and not getattr(config, name).__doc__]
    assert silent == []


def test_every_converter_is_in_the_readmes_table() -> None:
    """The migration engine's authors look there."""
    tree = ast.parse((Path(config.__file__).parent / "_converters.py").read_text(encoding="utf-8"))
    public = {node.name for node in tree.body if isinstance(node, ast.FunctionDef) and node.name in config.__all__} | {
        "boolean",
        "is_set",
        "truthy",
        "loads",
        "strip",
        "lower",
        "upper",
    }
    table = README.read_text(encoding="utf-8").partition("### Converters")[2].partition("## Layers")[0]
    assert {name for name in public if not re.search(rf"\b{name}\b", table)} == set()


@pytest.mark.parametrize("block", BLOCKS, ids=range(len(BLOCKS)))
def test_the_readmes_examples_run_as_they_stand(block: str, tmp_path: Path) -> None:
    """Each in a fresh process and folder, warnings as errors."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", block], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_every_public_name_option_error_and_variable_is_on_the_reference_page() -> None:
    """`docs/reference/core-config.md` names what the code has: names, options, errors, variables, commands."""
    page = (Path(__file__).resolve().parents[3] / "docs" / "reference" / "core-config.md").read_text(encoding="utf-8")
    options = config.ConfigDict.__annotations__.keys() - SettingsConfigDict.__annotations__.keys()
    sources = [path.read_text(encoding="utf-8") for path in Path(config.__file__).parent.glob("*.py")]
    variables = {found for text in sources for found in re.findall(r"\b(?:MAESTRO_CONFIG|VAULT)_[A-Z_]+\b", text)}
    errors = {
        found
        for text in sources
        for found in re.findall(r"^class ([A-Z]\w+)\([^)]*(?:Error|Configuration)", text, re.MULTILINE)
    }
    commands = set(cli.config.commands)
    wanted = {*config.__all__, *options, *variables, *errors, *commands}
    assert {name for name in wanted if not re.search(rf"\b{name}\b", page)} == set()


def test_every_parameter_and_every_name_of_the_modules_is_on_the_reference_page() -> None:
    """What one may pass to the functions and classes, and what `vault`, `leases`, `crypto`, `documents`, `testing` have."""
    page = (Path(__file__).resolve().parents[3] / "docs" / "reference" / "core-config.md").read_text(encoding="utf-8")
    takes = [config.env, config.LiveField, config.FileWatcher, config.load, config.on_change, config.override]
    takes += [vault.Vault, vault.VaultSession, vault.transit_keyring, leases.LeasedCredentials, crypto.Keyring.encrypt]
    takes += [vault.AppRole, vault.Kubernetes, vault.Jwt, vault.Token, documents.kubernetes_manifests]
    parameters = {name for taker in takes for name in inspect.signature(taker).parameters} - {"self", "options"}
    names = {*vault.__all__, *public(leases), *public(crypto), *public(documents), *public(testing)}
    names |= {f".{name}" for name in public_methods(leases.LeasedCredentials, testing.FakeVault, vault.VaultSession)}
    wanted = parameters | names
    assert {name for name in wanted if not re.search(rf"(?<!\w){re.escape(name)}\b", page)} == set()


def public(module: ModuleType) -> set[str]:
    return {
        name
        for name, value in vars(module).items()
        if not name.startswith("_") and getattr(value, "__module__", None) == module.__name__
    }


def public_methods(*classes: type) -> set[str]:
    return {name for cls in classes for name in vars(cls) if not name.startswith("_")}
