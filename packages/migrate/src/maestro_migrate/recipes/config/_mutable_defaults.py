"""Defaults of a settings class that ruff takes for shared ones (RUF012) once the class derives from a base which ruff does not know."""

import ast

from maestro_migrate import Module

__all__ = ["name_mutable_default"]

_RULE = "RUF012"
_MUTABLE = (ast.List, ast.Dict, ast.Set, ast.ListComp, ast.DictComp, ast.SetComp)
_REASON = f"mutable-default: ruff's {_RULE} knows that the defaults of a BaseSettings are copied, and complains of those of a BaseConfig, which are copied, too"
_ACTION = f"add {_RULE} to the per-file-ignores for this file, or give the field a default_factory"


def name_mutable_default(module: Module, settings: ast.ClassDef) -> None:
    """Name the first default of a class that the service's ruff will complain of."""
    found = next((each for each in settings.body if _has_mutable_default(each)), None)
    if found is not None and module.project.told_style.no_mutable_defaults:
        module.refuse(found, _REASON, _ACTION, level="none")


def _has_mutable_default(statement: ast.stmt) -> bool:
    match statement:
        case ast.Assign([ast.Name(name)], value):
            return isinstance(value, _MUTABLE) and not name.startswith("__")
        case ast.AnnAssign(_, annotation, value):
            return isinstance(value, _MUTABLE) and not {"ClassVar", "Final"} & _words(annotation)
    return False


def _words(annotation: ast.expr) -> set[str]:
    return {str(getattr(node, "id", getattr(node, "attr", ""))) for node in ast.walk(annotation)}
