"""Manifests of every kind gain and lose dependencies; every other byte stays."""

import codecs
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maestro_migrate.manifests import Kind, declared, find_manifests, with_requirements

ADD = {"maestro-core-logging": ">=0.1"}

# kind → file name, before, after; each case is a layout that a naive edit breaks.
CASES = {
    "sorted requirements": (
        "requirements.txt",
        "fastapi==0.110.0\nuvicorn[standard]>=0.29 ; python_version > '3.8'\n",
        "fastapi==0.110.0\nmaestro-core-logging>=0.1\nuvicorn[standard]>=0.29 ; python_version > '3.8'\n",
    ),
    "unsorted requirements": (
        "requirements.txt",
        "uvicorn  # server\nfastapi\n",
        "uvicorn  # server\nfastapi\nmaestro-core-logging>=0.1\n",
    ),
    "requirements in sections": (
        "requirements.txt",
        "# web\nfastapi\n# zen\nzope.interface\n",
        "# web\nfastapi\n# zen\nzope.interface\nmaestro-core-logging>=0.1\n",
    ),
    "options, paths and addresses are no names": (
        "requirements.txt",
        "--find-links ./wheels\n-e ./libs/a\n./libs/b\nflask\n-c constraints.txt\n",
        "--find-links ./wheels\n-e ./libs/a\n./libs/b\nflask\nmaestro-core-logging>=0.1\n-c constraints.txt\n",
    ),
    "a continuation line stays with its requirement": (
        "requirements.txt",
        "flask \\\n    >=2 ; \\\n    python_version > '3'\nzeep\n",
        "flask \\\n    >=2 ; \\\n    python_version > '3'\nmaestro-core-logging>=0.1\nzeep\n",
    ),
    "no final newline": ("requirements.txt", "flask", "flask\nmaestro-core-logging>=0.1\n"),
    "windows newlines": ("requirements.txt", "b\r\na\r\n", "b\r\na\r\nmaestro-core-logging>=0.1\r\n"),
    "PEP 621 with comments": (
        "pyproject.toml",
        '[project]\nname = "x"\ndependencies = [\n  # web\n  "fastapi", # "quoted"\n  "uvicorn[standard]"   # server\n]\n[tool.x]\ndependencies = [ "fastapi" ]\n',
        '[project]\nname = "x"\ndependencies = [\n  # web\n  "fastapi", # "quoted"\n  "maestro-core-logging>=0.1",\n  "uvicorn[standard]"   # server\n]\n[tool.x]\ndependencies = [ "fastapi" ]\n',
    ),
    "PEP 621, no trailing comma": (
        "pyproject.toml",
        "[project]\nname = 'x'\ndependencies = [\n\t'b',\n\t'a'  # last\n]\n",
        "[project]\nname = 'x'\ndependencies = [\n\t'b',\n\t'a',  # last\n\t'maestro-core-logging>=0.1'\n]\n",
    ),
    "PEP 621 on one line": (
        "pyproject.toml",
        '[tool.a]\ndependencies = ["b"]\n[project]\nname = "x"\ndependencies = ["b"]\n',
        '[tool.a]\ndependencies = ["b"]\n[project]\nname = "x"\ndependencies = ["b", "maestro-core-logging>=0.1"]\n',
    ),
    "PEP 621, empty": (
        "pyproject.toml",
        '[project]\nname = "x"\ndependencies = []\n',
        '[project]\nname = "x"\ndependencies = ["maestro-core-logging>=0.1"]\n',
    ),
    "PEP 621 without the key": (
        "pyproject.toml",
        '[project]\nname = "x"\n\n[tool.y]\nz = 1\n',
        '[project]\nname = "x"\ndependencies = [\n    "maestro-core-logging>=0.1",\n]\n\n[tool.y]\nz = 1\n',
    ),
    "Poetry": (
        "pyproject.toml",
        '[tool.poetry.dependencies]\npython = "^3.11"\nfastapi = { version = "^0.110", extras = [\n    "all",\n] }\nnumpy = ">=1 || >=2"\n\n[tool.poetry.group.dev.dependencies]\npytest = "*"\n',
        '[tool.poetry.dependencies]\npython = "^3.11"\nfastapi = { version = "^0.110", extras = [\n    "all",\n] }\nmaestro-core-logging = ">=0.1"\nnumpy = ">=1 || >=2"\n\n[tool.poetry.group.dev.dependencies]\npytest = "*"\n',
    ),
    "Pipfile": (
        "Pipfile",
        '[[source]]\nurl = "https://example.org"\nname = "x"\n\n[packages]\nflask = "*"\n\n[dev-packages]\npytest = "*"\n',
        '[[source]]\nurl = "https://example.org"\nname = "x"\n\n[packages]\nflask = "*"\nmaestro-core-logging = ">=0.1"\n\n[dev-packages]\npytest = "*"\n',
    ),
    "setup.cfg": (
        "setup.cfg",
        "[options]\npackages = find:\ninstall_requires =\n\t# web\n\tflask\n\trequests>=2\n\n[options.extras_require]\ntest = pytest\n",
        "[options]\npackages = find:\ninstall_requires =\n\t# web\n\tflask\n\tmaestro-core-logging>=0.1\n\trequests>=2\n\n[options.extras_require]\ntest = pytest\n",
    ),
    "setup.cfg on one line": (
        "setup.cfg",
        "[options]\ninstall_requires = flask\nzip_safe = no\n",
        "[options]\ninstall_requires =\n    flask\n    maestro-core-logging>=0.1\nzip_safe = no\n",
    ),
    "setup.py, aligned list": (
        "setup.py",
        "from setuptools import setup\nsetup(name='é', install_requires=['flask',\n                                  'zeep'],\n      zip_safe=False)\n",
        "from setuptools import setup\nsetup(name='é', install_requires=['flask', 'maestro-core-logging>=0.1',\n                                  'zeep'],\n      zip_safe=False)\n",
    ),
    "setup.py, a name": (
        "setup.py",
        'from setuptools import setup\nREQUIRES = [\n    "zeep",\n    "flask",  # web\n]\nsetup(install_requires=REQUIRES)\n',
        'from setuptools import setup\nREQUIRES = [\n    "zeep",\n    "flask",  # web\n    "maestro-core-logging>=0.1",\n]\nsetup(install_requires=REQUIRES)\n',
    ),
}


def _put(root: Path, **files: str) -> Path:
    for name, text in files.items():
        (root / name).write_bytes(text.encode())
    return root


def _applied(root: Path, add: dict[str, str], **options: set[str]) -> dict[str, str]:
    writes, _ = with_requirements(root, add, **options)
    for write in writes:
        assert write.before == (root / write.path).read_bytes()
        assert write.after is not None
        (root / write.path).write_bytes(write.after)
    return {write.path: (write.after or b"").decode() for write in writes}


@pytest.mark.parametrize("case", CASES)
def test_an_addition_keeps_every_other_byte(case: str, tmp_path: Path) -> None:
    """The new line stands where its neighbours' order and layout put it, and nothing else moves."""
    name, before, after = CASES[case]
    _put(tmp_path, **{name: before})
    assert _applied(tmp_path, ADD) == {name: after}


@pytest.mark.parametrize("case", CASES)
def test_a_second_addition_writes_nothing(case: str, tmp_path: Path) -> None:
    """What is declared is not declared twice, however its name is spelt."""
    name, before, _ = CASES[case]
    _put(tmp_path, **{name: before})
    _applied(tmp_path, ADD)
    assert with_requirements(tmp_path, {"Maestro_Core.Logging": ">=0.1"}) == ([], [])


@pytest.mark.parametrize("case", CASES)
def test_taking_an_addition_out_declares_what_it_did_before(case: str, tmp_path: Path) -> None:
    """A removal is the inverse of an addition for what the manifest declares."""
    name, before, _ = CASES[case]
    _put(tmp_path, **{name: before})
    first = [each.name for manifest in find_manifests(tmp_path) for each in declared(manifest)]
    _applied(tmp_path, ADD)
    _applied(tmp_path, {}, remove={"maestro-core-logging"})
    assert [each.name for manifest in find_manifests(tmp_path) for each in declared(manifest)] == first


def test_extras_are_written_as_each_format_wants_them(tmp_path: Path) -> None:
    """PEP 508 keeps them in the name, Poetry and Pipenv in a table."""
    _put(tmp_path, **{"requirements.txt": "a\n", "Pipfile": "[packages]\n"})
    changed = _applied(tmp_path, {"maestro-core-api[fastapi,flask]": ">=0.1"})
    assert changed["requirements.txt"] == "a\nmaestro-core-api[fastapi,flask]>=0.1\n"
    assert changed["Pipfile"] == '[packages]\nmaestro-core-api = {version = ">=0.1", extras = ["fastapi", "flask"]}\n'


def test_a_missing_extra_is_a_finding(tmp_path: Path) -> None:
    """A library that is declared without an extra that the new code needs is told, not written twice."""
    _put(tmp_path, **{"requirements.txt": "a\nmaestro-core-api==0.1\n"})
    writes, findings = with_requirements(tmp_path, {"maestro-core-api[fastapi]": ">=0.1"})
    assert writes == []
    assert [(f.line, f.reason.split(":")[0]) for f in findings] == [(2, "missing-extra")]


@pytest.mark.parametrize(
    ("mark", "encoding"),
    [(codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"), (codecs.BOM_UTF8, "utf-8")],
)
def test_an_encoding_is_kept(mark: bytes, encoding: str, tmp_path: Path) -> None:
    """PowerShell's `pip freeze > requirements.txt` makes UTF-16; pip reads it, so the edit must too."""
    (tmp_path / "requirements.txt").write_bytes(mark + "flask\r\n".encode(encoding))
    [write], _ = with_requirements(tmp_path, ADD)
    assert write.after == mark + "flask\r\nmaestro-core-logging>=0.1\r\n".encode(encoding)


@pytest.mark.parametrize(
    ("name", "raw", "code"),
    [
        ("requirements.txt", b"caf\xe9\n", "unreadable"),
        ("requirements.txt", "flask\n".encode("utf-16-le"), "unreadable"),
        ("requirements.txt", b"flask==1 \\\n    --hash=sha256:00\n", "hashed-file"),
        ("pyproject.toml", b"[project\n", "unreadable"),
        ("pyproject.toml", b"project = 3\n", "unreadable: project is no table"),
        (
            "pyproject.toml",
            b"[project]\ndependencies = ['a', 3]\n",
            "unreadable: project.dependencies is no list of texts",
        ),
        (
            "pyproject.toml",
            b"[tool.poetry]\ndependencies = ['a']\n",
            "unreadable: tool.poetry.dependencies is no table",
        ),
        ("pyproject.toml", b"[tool.poetry.group]\ndev = 1\n", "unreadable: tool.poetry.group.dev is no table"),
        ("Pipfile", b"packages = ['a']\n", "unreadable: packages is no table"),
        ("setup.py", b"setup(install_requires=A + ['b'])\n", "computed-requirements"),
        ("setup.py", b"R = []\nR.append('a')\nsetup(install_requires=R)\n", "computed-requirements"),
        ("setup.py", b"print 'install_requires'\n", "unreadable"),
        ("setup.cfg", b"[options]\ninstall_requires = a; b\n", "unusual-layout"),
    ],
)
def test_what_cannot_be_edited_is_a_finding(name: str, raw: bytes, code: str, tmp_path: Path) -> None:
    """A manifest that only a person or a tool can edit is left alone and told."""
    (tmp_path / name).write_bytes(raw)
    writes, [finding] = with_requirements(tmp_path, ADD)
    assert writes == []
    assert finding.path == name
    assert finding.reason.startswith(code)


@pytest.mark.parametrize(
    ("name", "raw"),
    [
        ("pyproject.toml", b""),
        ("pyproject.toml", b"# later\n"),
        ("pyproject.toml", b"[tool.black]\nline-length = 100\n"),
        ("setup.cfg", b"[metadata]\nname = shop\n# install_requires stands in setup.py\n"),
        ("pyproject.toml", b"[tool.setuptools.dynamic]\ndependencies = {file = 'absent.txt'}\n"),
    ],
)
def test_a_file_that_declares_nothing_is_no_manifest(name: str, raw: bytes, tmp_path: Path) -> None:
    """It says nothing about where to declare anything."""
    (tmp_path / name).write_bytes(raw)
    writes, [finding] = with_requirements(tmp_path, ADD)
    assert writes == []
    assert finding.reason.startswith("no-manifest")


def test_no_manifest_is_a_finding(tmp_path: Path) -> None:
    """A folder that declares nothing gets no file made up for it."""
    writes, [finding] = with_requirements(tmp_path, ADD)
    assert writes == []
    assert finding.reason.startswith("no-manifest")


def test_a_compiled_file_gets_the_line_and_the_command_that_makes_it(tmp_path: Path) -> None:
    """The source is changed, the compiled file installs meanwhile, and its header says how to make it anew."""
    header = "#\n# This file is autogenerated by pip-compile with Python 3.11\n# by the following command:\n#\n#    pip-compile --strip-extras requirements.in\n#\n"
    _put(tmp_path, **{"requirements.in": "flask\n", "requirements.txt": header + "flask==3.0\n"})
    writes, findings = with_requirements(tmp_path, ADD)
    assert [write.path for write in writes] == ["requirements.in", "requirements.txt"]
    assert [(f.path, f.action) for f in findings] == [
        ("requirements.txt", "run `pip-compile --strip-extras requirements.in`")
    ]


@pytest.mark.parametrize(
    ("manifest", "lock", "content", "command"),
    [
        ('[project]\nname = "x"\ndependencies = []\n', "uv.lock", "", "uv lock"),
        ('[project]\nname = "x"\ndependencies = []\n', "pdm.lock", "", "pdm lock --update-reuse"),
        (
            '[tool.poetry.dependencies]\npython = "*"\n',
            "poetry.lock",
            "# generated by Poetry 1.8.2\n",
            "poetry lock --no-update",
        ),
        ('[tool.poetry.dependencies]\npython = "*"\n', "poetry.lock", "# generated by Poetry 2.1\n", "poetry lock"),
    ],
)
def test_a_stale_lock_names_its_command(manifest: str, lock: str, content: str, command: str, tmp_path: Path) -> None:
    """A lock file is never edited; the finding has the exact command, which differs between Poetry 1 and 2."""
    _put(tmp_path, **{"pyproject.toml": manifest, lock: content})
    writes, [finding] = with_requirements(tmp_path, ADD)
    assert [write.path for write in writes] == ["pyproject.toml"]
    assert (finding.path, finding.action) == (lock, f"run `{command}`")


def test_the_included_file_is_the_one_of_run_time(tmp_path: Path) -> None:
    """What development and production both include gets the addition; neither of them does."""
    (tmp_path / "requirements").mkdir()
    (tmp_path / "requirements" / "base.txt").write_text("flask\n")
    (tmp_path / "requirements" / "dev.txt").write_text("-r base.txt\npytest\n")
    (tmp_path / "requirements" / "prod.txt").write_text("-r base.txt\ngunicorn\n")
    (tmp_path / "requirements.txt").write_text("-r requirements/prod.txt\n")
    assert list(_applied(tmp_path, ADD)) == ["requirements/base.txt"]


def test_files_of_development_are_never_changed(tmp_path: Path) -> None:
    """Only what says what the service needs to run gets a library."""
    _put(tmp_path, **{"dev-requirements.txt": "a\n", "requirements-test.txt": "a\n", "constraints.txt": "a==1\n"})
    assert not any(manifest.at_run_time for manifest in find_manifests(tmp_path))
    assert with_requirements(tmp_path, ADD)[0] == []


def test_a_name_that_only_contains_dev_is_not_of_development(tmp_path: Path) -> None:
    """`requirements-device.txt` is of run time: words are compared, not letters."""
    _put(tmp_path, **{"requirements-device.txt": "a\n"})
    assert list(_applied(tmp_path, ADD)) == ["requirements-device.txt"]


def test_setup_py_that_reads_a_file_leaves_it_to_that_file(tmp_path: Path) -> None:
    """The requirements file is the manifest; setup.py follows by itself and is no finding."""
    _put(
        tmp_path,
        **{"requirements.txt": "a\n", "setup.py": "setup(install_requires=open('requirements.txt').read().split())\n"},
    )
    writes, findings = with_requirements(tmp_path, ADD)
    assert [write.path for write in writes] == ["requirements.txt"]
    assert findings == []


def test_dynamic_dependencies_are_those_of_their_file(tmp_path: Path) -> None:
    """setuptools reads the named file, so it is the one of run time whatever it is called."""
    _put(
        tmp_path,
        **{
            "pyproject.toml": '[project]\nname = "x"\ndynamic = ["dependencies"]\n[tool.setuptools.dynamic]\ndependencies = {file = ["needs.txt"]}\n',
            "needs.txt": "a\n",
            "requirements.txt": "b\n",
        },
    )
    assert list(_applied(tmp_path, ADD)) == ["needs.txt"]


def test_declared_tells_lines_names_and_groups(tmp_path: Path) -> None:
    """Names are normalised, addresses count by their egg, groups are told apart."""
    _put(
        tmp_path,
        **{
            "requirements.txt": "# top\nPyYAML==6 \\\n  --hash=sha256:0\n-e git+https://example.org/r#egg=My_Lib\nx @ https://example.org/x.whl\n",
            "pyproject.toml": '[project]\nname = "x"\ndependencies = ["a"]\n[dependency-groups]\ndev = ["b", {include-group = "c"}]\nc = []\n',
        },
    )
    by_kind = {manifest.kind: declared(manifest) for manifest in find_manifests(tmp_path)}
    assert [(d.line, d.name) for d in by_kind[Kind.REQUIREMENTS]] == [(2, "pyyaml"), (4, "my-lib"), (5, "x")]
    assert [(d.line, d.name, d.group) for d in by_kind[Kind.PEP621]] == [(3, "a", ""), (5, "b", "dev")]


def test_a_removal_takes_the_whole_requirement(tmp_path: Path) -> None:
    """Continuation lines and the comment on the line go with it."""
    _put(
        tmp_path,
        **{
            "requirements.txt": "a\nPyJWT \\\n  ==2  # tokens\nb\n",
            "setup.py": "setup(install_requires=['a', 'pyjwt', 'b'])\n",
        },
    )
    changed = _applied(tmp_path, {}, remove={"pyjwt"})
    assert changed == {"requirements.txt": "a\nb\n", "setup.py": "setup(install_requires=['a', 'b'])\n"}


LINES = st.sampled_from(
    [
        "flask",
        "Zope.Interface>=5",
        "a==1 ; python_version<'4'",
        "# note",
        "",
        "  ",
        "-e ./x",
        "-r more.txt",
        "b[c,d] \\\n  >=1",
        "x @ https://e.org/x.whl",
    ]
)


@given(st.lists(LINES, max_size=12), st.sampled_from(["\n", "\r\n"]), st.booleans())
def test_an_addition_to_any_requirements_file_is_one_line(
    tmp_path_factory: pytest.TempPathFactory, lines: list[str], newline: str, ends: bool
) -> None:
    """Whatever the file holds, taking the new line's bytes out gives the old bytes, and the old names are all declared."""
    text = "\n".join(lines).replace("\n", newline) + (newline if ends and lines else "")
    root = tmp_path_factory.mktemp("any")
    (root / "requirements.txt").write_bytes(text.encode())
    before = {each.name for manifest in find_manifests(root) for each in declared(manifest)}
    after = _applied(root, ADD)["requirements.txt"]
    line = "maestro-core-logging>=0.1"
    newline = newline if newline in text else "\n"
    assert any(
        after.replace(part, "", 1) == text for part in (line + newline, newline + line, newline + line + newline, line)
    )
    assert {each.name for manifest in find_manifests(root) for each in declared(manifest)} == before | {
        "maestro-core-logging"
    }
    assert with_requirements(root, ADD)[0] == []


def test_a_manifest_that_may_not_be_read_is_found_all_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is planned without it is planned; only whoever edits it must be able to read it."""
    (tmp_path / "pyproject.toml").write_text("[project]\n")

    def refuse(path: Path) -> bytes:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "read_bytes", refuse)
    assert [each.path for each in find_manifests(tmp_path)] == ["pyproject.toml"]
