"""What counts as a word of the plumbing, and what is replaced by it; the spellings are in `test_facts`."""

from maestro_migrate._project import Project
from maestro_migrate._replacements import replacements, watched_names
from maestro_migrate._semantics import Module
from maestro_migrate._source import read_source

SITES = frozenset({"os.getenv", "os.environ.get", "logging.getLogger", "logging.error", "fastapi.FastAPI"})


def test_the_words_of_the_plumbing_are_no_methods_of_loggers() -> None:
    """`result.error = "no"` is in every other service; `module.getenv = fake` is a replacement."""
    assert watched_names(SITES) == {"os", "getenv", "logging", "getLogger", "fastapi", "FastAPI"}


def test_any_attribute_of_a_standard_module_but_only_named_ones_of_the_projects() -> None:
    """A loop over the names of settings would else keep the whole module that they are in."""
    code = "import os\nfrom app import conf\n\nfor name in ('PORT', 'HOST'):\n    setattr(conf, name, 1)\n    setattr(os, name, 1)\n"
    module = Module(read_source(code.encode(), "test_it.py"), Project({}, files=["app/__init__.py", "app/conf.py"]))
    dotted, loose = replacements(module, frozenset({"app"}), SITES)
    assert dotted == {"app.conf.PORT", "app.conf.HOST", "os.*"}
    assert loose == set()
