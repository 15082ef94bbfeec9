"""Projects: what the files of a service say about each other."""

from maestro_migrate._patch_words import swapped_modules
from maestro_migrate._project import Facts, Project, import_names


def test_reexports_that_lead_to_themselves_end() -> None:
    """`from .settings import settings` and circles of names are followed to an end."""
    facts = {
        "pkg/__init__.py": Facts(exports={"settings": "pkg.settings.settings"}),
        "a.py": Facts(exports={"x": "b.x.y"}),
        "b.py": Facts(exports={"x": "a.x.z"}),
    }
    project = Project(facts)
    assert project.canonical("pkg.settings") == "pkg.settings"
    assert project.canonical("pkg.settings.settings") == "pkg.settings.settings"
    assert project.canonical("a.x") == "a.x"


def test_source_folders_are_stripped_and_packages_are_not() -> None:
    """A file's first import name keeps its packages."""
    names = import_names(["src/svc/__init__.py", "src/svc/api.py", "tool.py"])
    assert names["src/svc/api.py"][0] == "svc.api"
    assert names["tool.py"] == ("tool",)


def test_swapped_modules_are_told_from_read_ones() -> None:
    """Only what is put into `sys.modules` counts."""
    assert swapped_modules(b'sys.modules["a"] = x\nsys.modules["b"].c == 1\npatch.dict("sys.modules", {"d": y})') == {
        "a",
        "d",
    }
