"""What differs between the answers of the old code and of the new, field by field, beyond what differs between equals."""

import base64
import json
import re
import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

__all__ = ["Comparison", "Difference", "compare_answers"]

ADDED_HEADERS = frozenset({"x-request-id"})
"""Headers that migrated code is meant to gain; one that the old code sent, too, is compared like any other."""
_VOLATILE = frozenset({"date", "server"})
_MISSING = "(nothing)"
_LENGTH = "header content-length"
_NUMBER = re.compile(r"[\d.]+ ?(?:s|ms|us|µs|ns)?$")


@dataclass(frozen=True, slots=True, order=True)
class Difference:
    """One field of one answer that is steadily another with the new code."""

    request: str
    field: str
    before: str
    after: str

    def __str__(self) -> str:
        return f"{self.request}: {self.field} was {self.before}, is {self.after}"


@dataclass(frozen=True, slots=True)
class Comparison:
    """How many requests were answered alike, what differs, what is noise, what was added on purpose; latency and memory as new to old."""

    requests: int
    differences: tuple[Difference, ...]
    noise_fields: tuple[str, ...]
    added: tuple[str, ...]
    latency_s: tuple[float, float] | None
    peak_kib: tuple[float, float]

    @property
    def different(self) -> int:
        """Return how many requests have a field that differs."""
        return len({difference.request for difference in self.differences} - {"all requests"})


def compare_answers(
    cases: Sequence[Mapping[str, Any]], old: Sequence[Mapping[str, Any]], new: Sequence[Mapping[str, Any]]
) -> Comparison:
    """
    Compare two or more runs of the old code with as many of the new.

    A field counts only where all old runs agree and all new runs agree; where equals differ, it is noise and named as such. So is a header with a number
    that differs between equals in any other answer: how long something took may be the same twice by chance.
    """
    differences: list[Difference] = []
    added: set[str] = set()
    answers = [
        ([_fields(run["answers"][i]) for run in old], [_fields(run["answers"][i]) for run in new])
        for i in range(len(cases))
    ]
    unsteady = [_unsteady(before, after) for before, after in answers]
    noise = set().union(*unsteady)
    for index, case in enumerate(cases):
        before, after = answers[index]
        shown = f"{case['method']} {case['path']} (request {index + 1})"
        names = {name for fields in (*before, *after) for name in fields}
        for field in sorted(names - unsteady[index]):
            olds, news = ({fields.get(field, _MISSING) for fields in runs} for runs in (before, after))
            if olds != news:
                [was], [is_now] = olds, news
                if (
                    field in noise - {_LENGTH}
                    and field.startswith("header")
                    and _NUMBER.match(was)
                    and _NUMBER.match(is_now)
                ):
                    continue
                if was == _MISSING and field.removeprefix("header ") in ADDED_HEADERS:
                    added.add(field)
                else:
                    differences.append(Difference(shown, field, was[:200], is_now[:200]))
    lost, gained = _series(old, new)
    differences += [Difference("all requests", "metric series", series, _MISSING) for series in lost]
    added |= {f"{gained} metric series"} if gained else set()
    return Comparison(
        len(cases), tuple(differences), tuple(sorted(noise)), tuple(sorted(added)), _latency(old, new), _peaks(old, new)
    )


def _unsteady(before: Sequence[Mapping[str, str]], after: Sequence[Mapping[str, str]]) -> set[str]:
    """Return the fields that equals answer differently."""
    names = {name for fields in (*before, *after) for name in fields}
    found = {name for name in names if _varies(name, before) or _varies(name, after)}
    if any(name.startswith("body") for name in found):
        found |= names & {_LENGTH}  # equal by chance, as numbers of one width are
    return found


def _varies(name: str, runs: Sequence[Mapping[str, str]]) -> bool:
    return len({fields.get(name, _MISSING) for fields in runs}) > 1


def _fields(answer: Mapping[str, Any]) -> dict[str, str]:
    """Return an answer as flat fields; log records of the shared libraries are not the service's own."""
    fields = {"status": repr(answer["status"]), "raised": repr(answer.get("raised"))}
    for name, value in answer["headers"]:
        key = f"header {name.lower()}"
        if name.lower() not in _VOLATILE:
            fields[key] = f"{fields[key]}, {value}" if key in fields else value
    fields |= dict(_body(base64.b64decode(answer["body"])))
    fields["log records"] = repr([record for record in answer["logs"] if not record[0].startswith("maestro")])
    fields["SQL statements"] = repr(answer["sql"])
    fields["calls"] = repr(answer["calls"])
    return fields


def _body(body: bytes) -> Iterator[tuple[str, str]]:
    try:
        found = json.loads(body)
    except ValueError:
        yield "body", repr(body)
        return
    waiting: list[tuple[str, Any]] = [("body", found)]
    while waiting:
        where, value = waiting.pop()
        if isinstance(value, dict) and value:
            waiting += [(f"{where}.{name}", inner) for name, inner in value.items()]
        elif isinstance(value, list) and value:
            waiting += [(f"{where}[{position}]", inner) for position, inner in enumerate(value)]
        else:
            yield where, repr(value)


def _series(old: Sequence[Mapping[str, Any]], new: Sequence[Mapping[str, Any]]) -> tuple[list[str], int]:
    """Return the series that every old run had and no new one has, and how many only the new ones have."""
    steady = set.intersection(*(set(run["series"]) for run in old))
    now = set.union(*(set(run["series"]) for run in new))
    return sorted(steady - now), len(now - set.union(*(set(run["series"]) for run in old)))


def _latency(old: Sequence[Mapping[str, Any]], new: Sequence[Mapping[str, Any]]) -> tuple[float, float] | None:
    """Return the sum over the requests of their median latency, before and after."""
    indexes = _timed(old, new)
    before, after = (
        sum(statistics.median(seconds for run in runs for seconds in run["timings"][index]) for index in indexes)
        for runs in (old, new)
    )
    return (before, after) if before else None


def _timed(old: Sequence[Mapping[str, Any]], new: Sequence[Mapping[str, Any]]) -> list[str]:
    return sorted(
        set.intersection(*({index for index, seconds in run["timings"].items() if seconds} for run in (*old, *new)))
    )


def _peaks(old: Sequence[Mapping[str, Any]], new: Sequence[Mapping[str, Any]]) -> tuple[float, float]:
    return statistics.median(run["peak_kib"] for run in old), statistics.median(run["peak_kib"] for run in new)
