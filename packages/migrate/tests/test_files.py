"""Files: which ones are the service's own."""

import os
from pathlib import Path

import pytest

from maestro_migrate._files import is_service_code, python_files, require_folder
from maestro_migrate.errors import UnusableInput


def test_only_the_services_own_files_are_read(tmp_path: Path) -> None:
    """Environments, caches and links are left out; tests and generated files are read but stay."""
    for path in ("svc/a.py", ".venv/x.py", "env/pyvenv.cfg", "env/y.py", "node_modules/z.py"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text("")
    (tmp_path / "loop.py").symlink_to(tmp_path / "svc/a.py")
    (tmp_path / os.fsdecode(b"svc/caf\xe9.py")).write_text("")
    assert python_files(tmp_path) == ["svc/a.py"]
    assert not is_service_code("tests/test_a.py", b"")
    assert not is_service_code("svc/a.py", b"# @generated\n")
    with pytest.raises(UnusableInput, match="is a file"):
        require_folder(tmp_path / "svc/a.py")


def test_a_conf_module_is_the_services_unless_sphinx_reads_it() -> None:
    """`conf.py` is a usual name for configuration, and Sphinx's is told by what it sets."""
    assert is_service_code("svc/conf.py", b'import os\nPORT = os.getenv("PORT")\n')
    assert not is_service_code("manual/conf.py", b'extensions = ["sphinx.ext.autodoc"]\n')
    assert not is_service_code("docs/conf.py", b"import os\n")


def test_a_package_called_docs_is_the_services_unless_it_makes_a_manual() -> None:
    """`app/docs/router.py` may be about documents; a manual stands in the root, or says what makes it."""
    assert is_service_code("app/docs/router.py", b'import os\nPORT = os.getenv("PORT")\n')
    assert not is_service_code("app/docs/_ext/roles.py", b"from docutils import nodes\n")
    assert not is_service_code("docs/examples/first.py", b"import os\n")


def test_a_setup_module_of_a_package_is_the_services_unless_it_packages() -> None:
    """`svc/logging/setup.py` is a usual name for what sets logging up; a part's own build script says what it packages with."""
    assert is_service_code("svc/logging/setup.py", b"import logging\nlogging.basicConfig()\n")
    assert not is_service_code("part/setup.py", b"from setuptools import setup\nsetup()\n")
    assert not is_service_code("setup.py", b"import os\n")
