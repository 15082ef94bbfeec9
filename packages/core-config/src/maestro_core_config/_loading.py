"""`load()`: build settings and check everything, live fields and names included, with one error for all."""

from __future__ import annotations

import warnings
from typing import Any, Final, TypeVar

from pydantic import ValidationError

from ._places import found_at, names_of, place_in
from ._problems import InvalidConfiguration, Problem, UnknownNamesWarning
from ._sources import observing
from ._typos import unknown_names
from .errors import ConfigError, MissingVariable

S = TypeVar("S")
_MISSING: Final = "Field required"


def load(settings_cls: type[S], **arguments: Any) -> S:
    """Build settings and check them whole: fields, live fields, and names that nothing reads.

    Building alone (`Settings()`) validates the fields only, as in pydantic-settings, and leaves live ones for later.
    Names are checked unless the class says `unknown_names="ignore"`.

    Raises:
        InvalidConfiguration: with every problem found, each with its place; values are not in it.
    """
    built, problems = build(settings_cls, arguments)
    problems += _live_problems(built if built is not None else _with_live_arguments(settings_cls, arguments))
    if problems:
        raise InvalidConfiguration(settings_cls.__name__, problems)
    return built  # type: ignore[no-any-return]  # not None, since no problem was found


def build(settings_cls: Any, arguments: dict[str, Any]) -> tuple[Any, list[Problem]]:
    """Build settings without their live fields: the instance, or None, and the problems found."""
    problems: list[Problem] = []
    built: Any = None
    with observing() as (sources, failures):
        try:
            built = settings_cls(**arguments)
        except InvalidConfiguration as exc:
            problems += exc.problems
        except ValidationError as exc:
            problems += problems_of(exc, settings_cls, tuple(sources))
        except (ConfigError, ValueError) as exc:  # SettingsError of pydantic-settings is a ValueError
            problems.append(Problem("sources", str(exc)))
    if failures:  # what only they could have given is not missing
        problems = [problem for problem in problems if problem.message != _MISSING]
        problems, built = [*(Problem("sources", str(exc)) for exc in failures), *problems], None
    if settings_cls.model_config.get("unknown_names") is None:  # with the option, building has checked already
        problems = _united(problems, unknown_names(settings_cls, tuple(sources)))
    return built, problems


def check_names(settings_cls: Any, sources: tuple[Any, ...], invalid: ValidationError | None) -> None:
    """Apply the class's `unknown_names` option to a load.

    Raises:
        InvalidConfiguration: when it says `refuse` and there are such names; validation errors are included.
    """
    option = settings_cls.model_config.get("unknown_names") or "ignore"
    if option == "ignore":
        return
    problems = unknown_names(settings_cls, sources)
    if not problems:
        return
    if option == "warn":
        warnings.warn("\n".join(map(str, problems)), UnknownNamesWarning, stacklevel=4)
        return
    if invalid is not None:
        problems = _united(problems_of(invalid, settings_cls, sources), problems)
    raise InvalidConfiguration(settings_cls.__name__, problems)


def _united(invalid: list[Problem], strays: list[Problem]) -> list[Problem]:
    # Pydantic's "extra inputs are not permitted" and our finding about the same key are one problem; ours has a hint.
    found = {problem.name.lower() for problem in strays}
    return [*(problem for problem in invalid if problem.name.lower() not in found), *strays]


def problems_of(exc: ValidationError, settings_cls: Any, sources: tuple[Any, ...]) -> list[Problem]:
    """Turn a validation error into problems with places."""
    found = []
    for error in exc.errors(include_url=False, include_input=False):
        path = tuple(str(step) for step in error["loc"])
        found.append(
            Problem(".".join(path) or settings_cls.__name__, error["msg"], _place(settings_cls, sources, path))
        )
    return found


def _place(settings_cls: Any, sources: tuple[Any, ...], path: tuple[str, ...]) -> str:
    name = next((n for n, f in settings_cls.model_fields.items() if path and path[0] in names_of(f, n)), None)
    if name is None:
        return ""
    steps = [tuple((spelling,) for spelling in names_of(settings_cls.model_fields[name], name))]
    steps += [((step,),) for step in path[1:]]
    # What is missing, or is said of one choice of several, stands in what there is of its path.
    given = [(source, found_at(source(), steps)[1]) for source in sources]
    source, spelled = max(given, key=lambda each: len(each[1]), default=(None, ()))
    return str(place_in(source, settings_cls, name, spelled)) if spelled else ""


def _with_live_arguments(settings_cls: Any, arguments: dict[str, Any]) -> Any:
    live = {name: value for name, value in arguments.items() if name in settings_cls.__live_fields__}
    return settings_cls.model_construct(**live)


def _live_problems(settings: Any) -> list[Problem]:
    problems = []
    for name, field in settings.__live_fields__.items():
        try:
            getattr(settings, name)
        except MissingVariable as exc:
            problems.append(Problem(name, f"{exc.variable} is not set", "environment"))
        except Exception as exc:  # noqa: BLE001 - any parser, any error; its text may quote the value
            reason = f"{field.variable} cannot be parsed ({type(exc).__name__})"
            problems.append(Problem(name, reason, "environment"))
    return problems
