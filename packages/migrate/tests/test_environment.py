"""Environments are copied, never modified, and point at the copy of the service."""

import subprocess
import sys
from pathlib import Path

import pytest

from maestro_migrate._environment import copy_environment, requirement
from maestro_migrate._installed_copies import InstalledCopies
from maestro_migrate._libraries import CommandFailed, library_arguments, run, uv
from maestro_migrate.errors import UnusableInput


@pytest.fixture(scope="module")
def installed(tmp_path_factory) -> tuple[Path, Path]:
    """Make a service and an environment in which it is installed for editing, with a console script."""
    root = tmp_path_factory.mktemp("svc") / "mail"
    (root / "src" / "mail").mkdir(parents=True)
    (root / "src" / "mail" / "__init__.py").write_text("WHERE = __file__\n\n\ndef main():\n    print(WHERE)\n")
    (root / "pyproject.toml").write_text(
        '[project]\nname = "mail"\nversion = "1"\n[project.scripts]\nmail = "mail:main"\n'
        '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n[tool.hatch.build.targets.wheel]\npackages = ["src/mail"]\n'
    )
    venv = tmp_path_factory.mktemp("venv") / "v"
    subprocess.run([uv(), "venv", "-q", "--python", sys.executable, venv], check=True)
    subprocess.run([uv(), "pip", "install", "-q", "--python", venv / "bin" / "python", "-e", root], check=True)
    return root, venv


def test_an_editable_install_points_at_the_copied_tree(installed, tmp_path):
    """Imports and console scripts of the copy reach the migrated tree, not the original."""
    root, venv = installed
    tree = tmp_path / "tree"
    subprocess.run(["cp", "-a", root, tree], check=True)
    made = copy_environment(venv, tmp_path / "env", old_root=root, new_root=tree)
    assert made.version == (sys.version_info.major, sys.version_info.minor)
    shown = subprocess.run([made.folder / "bin" / "mail"], capture_output=True, text=True, check=True).stdout
    assert shown.startswith(str(tree))
    original = subprocess.run([venv / "bin" / "mail"], capture_output=True, text=True, check=True).stdout
    assert original.startswith(str(root))


def test_an_install_that_is_a_copy_follows_the_tree(installed, tmp_path):
    """What `pip install .` put into the environment is the old code: tests that import it would prove nothing."""
    root = tmp_path / "my mail"
    subprocess.run(["cp", "-a", installed[0], root], check=True)
    venv, tree = tmp_path / "venv", tmp_path / "tree"
    subprocess.run([uv(), "venv", "-q", "--python", sys.executable, venv], check=True)
    subprocess.run([uv(), "pip", "install", "-q", "--python", venv / "bin" / "python", root], check=True)
    subprocess.run(["cp", "-a", root, tree], check=True)
    made = copy_environment(venv, tmp_path / "env", old_root=root, new_root=tree)
    copies = InstalledCopies(tree, made.folder)
    (tree / "src" / "mail" / "__init__.py").write_text("def main():\n    print('migrated')\n")
    copies.follow(tree, ["src/mail/__init__.py"])
    for folder, said in ((made.folder, "migrated"), (venv, "mail")):
        shown = subprocess.run([folder / "bin" / "mail"], capture_output=True, text=True, check=True).stdout
        assert said in shown


def test_nothing_that_is_installed_changes_when_libraries_are_added(installed, tmp_path):
    """A library that would need another version of what is there is a conflict that names the pin."""
    root, venv = installed
    made = copy_environment(venv, tmp_path / "env", old_root=root, new_root=root)
    made.add(["packaging==24.0"], [])
    before = made.frozen()
    assert "packaging==24.0" in before
    assert made.conflict("packaging", []) is None
    reason = made.conflict("packaging>=25", [])
    assert reason is not None
    assert "packaging==24.0" in reason
    made.add(["iniconfig"], [])
    assert set(before) < set(made.frozen())


def test_a_folder_that_is_no_environment_is_refused(tmp_path):
    """The message says what a virtual environment is made by."""
    with pytest.raises(UnusableInput, match="uv venv"):
        copy_environment(tmp_path, tmp_path / "env", old_root=tmp_path, new_root=tmp_path)


def test_a_folder_without_wheels_is_refused(tmp_path):
    """`--libs` of the wrong folder is told before anything runs."""
    with pytest.raises(UnusableInput, match="holds no wheel"):
        library_arguments(str(tmp_path))
    assert library_arguments("https://packages.example/simple") == ["--index", "https://packages.example/simple"]


def test_a_failing_command_tells_its_last_lines():
    """What went wrong and what to do next stand in one message."""
    with pytest.raises(CommandFailed, match=r"doing it failed: .*boom.*; try again"):
        run([sys.executable, "-c", "import sys; sys.exit('boom')"], what="doing it", advice="try again")


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("*", "x"), ("^1.2.3", "x>=1.2.3,<2"), ("^0.3", "x>=0.3,<0.4"), ("^0.0.3", "x>=0.0.3,<0.0.4"), ("~2.1", "x>=2.1,==2.*"), ("~1.4.2", "x>=1.4.2,==1.4.*"),
        ("1.5", "x==1.5"), (">=1,<3", "x>=1,<3"), ("~=1.4", "x~=1.4"), ("^1 || ^2", "x>=2,<3"), ({"version": "^1", "extras": ["a", "b"]}, "x[a,b]>=1,<2"),
        ({"git": "https://e.example/x.git", "tag": "v1"}, "x @ git+https://e.example/x.git@v1"),
        ({"path": "../shared", "develop": True}, "./../shared"),
        ({"url": "https://example.org/x.whl"}, "x @ https://example.org/x.whl"),
        ([{"version": "^1", "python": "<3.12"}, {"version": "^2", "python": ">=3.12"}], "x"),
    ],
)  # fmt: skip
def test_poetrys_and_pipenvs_ranges_become_requirements(spec, expected):
    """Caret, tilde, exact and table forms mean what their tools say they mean."""
    assert requirement("x", spec) == expected
