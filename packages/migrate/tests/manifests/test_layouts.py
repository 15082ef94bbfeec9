"""Manifests gain the libraries and keep every other byte."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maestro_migrate.manifests import with_requirements

ADD = {"maestro-core-logging": ">=0.1"}


def _after(folder: Path, name: str, raw: bytes, add=ADD) -> bytes | None:
    (folder / name).write_bytes(raw)
    writes, _ = with_requirements(folder, add)
    return next((write.after for write in writes if write.path == name), None)


@pytest.mark.parametrize(
    ("name", "before", "after"),
    [
        ("requirements.txt", b"fastapi==0.1\nuvicorn\n", b"fastapi==0.1\nmaestro-core-logging>=0.1\nuvicorn\n"),
        ("requirements.txt", b"uvicorn  # server\r\nfastapi\r\n", b"uvicorn  # server\r\nfastapi\r\nmaestro-core-logging>=0.1\r\n"),
        ("requirements.txt", b"flask", b"flask\nmaestro-core-logging>=0.1\n"),
        ("requirements.txt", "flask\n".encode("utf-16"), "flask\nmaestro-core-logging>=0.1\n".encode("utf-16")),
        ("setup.cfg", b"[options]\ninstall_requires =\n    click\nzip_safe = no\n", b"[options]\ninstall_requires =\n    click\n    maestro-core-logging>=0.1\nzip_safe = no\n"),
        ("setup.py", b'from setuptools import setup\nsetup(install_requires=["click"])\n', b'from setuptools import setup\nsetup(install_requires=["click", "maestro-core-logging>=0.1"])\n'),
        ("setup.py", b'from setuptools import setup\nNEEDS = [\n    "click",\n    "yarl",\n]\nsetup(install_requires=NEEDS)\n', b'from setuptools import setup\nNEEDS = [\n    "click",\n    "maestro-core-logging>=0.1",\n    "yarl",\n]\nsetup(install_requires=NEEDS)\n'),
        ("setup.py", b'setup(install_requires=[\n    "click",\n    f"yarl @ {URL}",\n    "zope",\n])\n', b'setup(install_requires=[\n    "click",\n    f"yarl @ {URL}",\n    "zope",\n    "maestro-core-logging>=0.1",\n])\n'),
        ("setup.py", b'needs = ["click", "yarl"]\nif old:\n    needs.append("futures")\nneeds += more\nsetup(install_requires=needs)\n', b'needs = ["click", "maestro-core-logging>=0.1", "yarl"]\nif old:\n    needs.append("futures")\nneeds += more\nsetup(install_requires=needs)\n'),
        ("pyproject.toml", b'[project]\nname = "x"  # ours\ndependencies = [\n    "click",\n    "yarl",\n]\n', b'[project]\nname = "x"  # ours\ndependencies = [\n    "click",\n    "maestro-core-logging>=0.1",\n    "yarl",\n]\n'),
        ("pyproject.toml", b'[project]\nname = "x"\ndependencies = ["click"]\n', b'[project]\nname = "x"\ndependencies = ["click", "maestro-core-logging>=0.1"]\n'),
        ("pyproject.toml", b'[tool.poetry.dependencies]\npython = "^3.11"\nclick = "^8"\n', b'[tool.poetry.dependencies]\npython = "^3.11"\nclick = "^8"\nmaestro-core-logging = ">=0.1"\n'),
        ("Pipfile", b'[packages]\nflask = "*"\n\n[dev-packages]\npytest = "*"\n', b'[packages]\nflask = "*"\nmaestro-core-logging = ">=0.1"\n\n[dev-packages]\npytest = "*"\n'),
    ],
)  # fmt: skip
def test_each_kind_of_manifest_keeps_its_layout(tmp_path, name, before, after):
    """Order, quoting, newlines and comments are the neighbours'."""
    assert _after(tmp_path, name, before) == after
    assert _after(tmp_path, name, after) is None


@pytest.mark.parametrize(
    ("name", "before", "after"),
    [
        ("setup.py", b"from setuptools import setup\nsetup(\n    install_requires=['click', 'flask>=2,<4', 'redis', 'requests', 'rq'],\n)\n", b"from setuptools import setup\nsetup(\n    install_requires=[\n        'click',\n        'flask>=2,<4',\n        'maestro-core-logging>=0.1',\n        'redis',\n        'requests',\n        'rq',\n    ],\n)\n"),
        ("pyproject.toml", b'[project]\nname = "x"\ndependencies = ["yarl>=1.9.4", "click>=8.1", "aiohttp>=3.11"]\n', b'[project]\nname = "x"\ndependencies = [\n    "yarl>=1.9.4",\n    "click>=8.1",\n    "aiohttp>=3.11",\n    "maestro-core-logging>=0.1",\n]\n'),
    ],
)  # fmt: skip
def test_a_list_that_outgrows_its_line_gets_a_line_for_each_entry(tmp_path, name, before, after):
    """As a formatter would have it; a list that fits stays on its line."""
    assert _after(tmp_path, name, before) == after
    assert _after(tmp_path, name, after) is None


def test_a_note_stays_with_the_requirement_above_it(tmp_path):
    """Tools write `# via` below a pin, indented; the new line comes after it."""
    after = _after(tmp_path, "requirements.txt", b"click==8\n    # via flask\nyarl==1\n    # via aiohttp\n")
    assert after is not None
    assert b"click==8\n    # via flask\n" in after
    assert after.rstrip().endswith((b"# via aiohttp", b"maestro-core-logging>=0.1"))


def test_extras_are_declared_in_poetrys_way(tmp_path):
    """`name[extra]` becomes a table with its extras."""
    after = _after(
        tmp_path,
        "pyproject.toml",
        b'[tool.poetry.dependencies]\nclick = "^8"\n',
        {"maestro-core-api[fastapi]": ">=0.1"},
    )
    assert after is not None
    assert b'maestro-core-api = {version = ">=0.1", extras = ["fastapi"]}' in after


def test_compiled_files_and_locks_are_reported_not_edited(tmp_path):
    """What a tool makes is made again by that tool; the finding says how."""
    (tmp_path / "requirements.in").write_text("flask\n")
    (tmp_path / "requirements.txt").write_text("flask==3.0 \\\n    --hash=sha256:0\n")
    (tmp_path / "pyproject.toml").write_text('[tool.poetry.dependencies]\npython = "^3.11"\n')
    (tmp_path / "poetry.lock").write_text("")
    writes, findings = with_requirements(tmp_path, ADD)
    assert [write.path for write in writes] == ["pyproject.toml", "requirements.in"]
    assert {finding.path for finding in findings} == {"requirements.txt", "poetry.lock"}
    assert any("poetry lock" in finding.action for finding in findings)


def test_a_computed_list_in_setup_py_is_a_finding(tmp_path):
    """What cannot be read without running it is left to a person."""
    for code in (
        "setup(install_requires=open('r').read().split())",
        "setup(install_requires=['click', *more])",
        "needs = ['click']\nif old:\n    needs = []\nsetup(install_requires=needs)",
        "needs = []\nneeds.append('click')\nsetup(install_requires=needs)",
    ):
        (tmp_path / "setup.py").write_text(f"from setuptools import setup\n{code}\n")
        writes, findings = with_requirements(tmp_path, ADD)
        assert writes == []
        assert "computed-requirements" in findings[0].reason


@pytest.mark.parametrize("given", ['needs("default.txt")', 'open("requirements/default.txt").read().splitlines()'])
def test_the_file_that_setup_py_reads_declares_the_libraries(tmp_path, given):
    """Whatever it is called; the files beside it, which nothing reads, stay."""
    (tmp_path / "setup.py").write_text(
        f"from setuptools import setup\nsetup(install_requires={given}, tests_require=needs('test.txt'))\n"
    )
    (tmp_path / "requirements").mkdir()
    for name in ("default", "other", "test"):
        (tmp_path / "requirements" / f"{name}.txt").write_text("click\n")
    writes, findings = with_requirements(tmp_path, ADD)
    assert [(write.path, write.after) for write in writes] == [
        ("requirements/default.txt", b"click\nmaestro-core-logging>=0.1\n")
    ]
    assert findings == []


def test_a_service_without_a_manifest_is_told_what_to_install(tmp_path):
    """Nothing is made up; the finding names what the new code needs."""
    writes, findings = with_requirements(tmp_path, ADD)
    assert writes == []
    assert "maestro-core-logging>=0.1" in findings[0].action


@given(
    st.lists(
        st.sampled_from(
            [
                "flask==3.0",
                "# a comment",
                "",
                "-r other.txt",
                "uvicorn[standard]>=0.2 ; python_version > '3'",
                "zope.interface",
                "git+https://x/y.git",
                "-e .",
            ]
        ),
        max_size=8,
    ),
    st.sampled_from(["\n", "\r\n"]),
)
def test_every_line_of_a_requirements_file_survives(tmp_path_factory, lines, newline):
    """Whatever stands there stands there afterwards, in the same order."""
    folder = tmp_path_factory.mktemp("req")
    raw = newline.join(lines).encode()
    after = _after(folder, "requirements.txt", raw)
    assert after is not None
    kept = [line for line in after.decode().splitlines() if not line.startswith("maestro-")]
    assert kept == raw.decode().splitlines()
