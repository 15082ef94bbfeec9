"""Problems of a load, and the one error that carries all of them."""

from __future__ import annotations

from dataclasses import dataclass

from .errors import ConfigError


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong: the name it is about, what is wrong, where it stands, what to do."""

    name: str
    message: str
    location: str = ""
    hint: str = ""

    def __str__(self) -> str:
        place = f" ({self.location})" if self.location else ""
        hint = f"; {self.hint}" if self.hint else ""
        return f"{self.name}: {self.message}{place}{hint}"


class InvalidConfiguration(ConfigError, ValueError):
    """Everything that is wrong with a configuration, in one message; no value of any setting is in it."""

    def __init__(self, title: str, problems: list[Problem]) -> None:
        self.title = title
        self.problems = tuple(problems)
        count = f"{len(problems)} problem{'s' if len(problems) != 1 else ''}"
        super().__init__("\n".join([f"{title}: {count}", *(f"  {problem}" for problem in problems)]))

    def __reduce__(self) -> tuple[type[InvalidConfiguration], tuple[str, list[Problem]]]:
        return type(self), (self.title, list(self.problems))


class UnknownNamesWarning(UserWarning):
    """Names that look like settings and are none, where the class asks to be warned only."""
