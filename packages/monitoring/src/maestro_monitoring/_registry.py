"""Making collectors once per registry, however often a module is reloaded or an app is built.

This is the only module that looks inside a `CollectorRegistry`: the client raises when a name is
registered twice and has no public way to ask for the collector that holds it. The contract test is
`tests/test_business.py`, run at both ends of the supported versions.
"""

from __future__ import annotations

from dataclasses import dataclass
from threading import Lock
from typing import Any, TypeVar

from prometheus_client import REGISTRY, CollectorRegistry
from prometheus_client.metrics import MetricWrapperBase

from .errors import MetricConflictError

C = TypeVar("C", bound=MetricWrapperBase)

_MARK = "_maestro_declared_as"
_lock = Lock()


def registry_or_default(registry: CollectorRegistry | None) -> CollectorRegistry:
    """Give the registry itself, or the client's process-wide one for None."""
    return REGISTRY if registry is None else registry


def declare(
    kind: type[C], name: str, documentation: str, labels: tuple[str, ...], registry: CollectorRegistry, **options: Any
) -> C:
    """Make a collector, or give back the one that an equal call made before.

    Only collectors made here are given back: a service's own metric that happens to have the name
    would be counted twice.

    Raises:
        MetricConflictError: the name is taken by somebody else, or was declared here with other labels.
    """
    declared_as = (kind.__name__, labels, tuple(sorted(options.items())))
    with _lock:
        known: Any = _find(registry, name)
        if known is not None and getattr(known, _MARK, None) == declared_as:
            return known  # type: ignore[no-any-return]  # the mark says that it is a `kind`
        try:
            made = kind(name, documentation, labels, registry=registry, **options)
        except ValueError as refused:
            if "uplicated timeseries" in str(refused):
                raise MetricConflictError(name) from refused
            raise
        setattr(made, _MARK, declared_as)
    return made


@dataclass(frozen=True, slots=True)
class DeclaredMetric:
    """A metric that was declared through this package, as a dashboard wants to know it."""

    name: str
    kind: str
    labels: tuple[str, ...]
    documentation: str


def declared_metrics(registry: CollectorRegistry) -> list[DeclaredMetric]:
    """Give what was declared in a registry, by name."""
    found = {}
    for collector in list(registry._collector_to_names):
        mark = getattr(collector, _MARK, None)
        if mark is not None and isinstance(collector, MetricWrapperBase):
            kind, labels, _ = mark
            found[collector._name] = DeclaredMetric(collector._name, kind, labels, collector._documentation)
    return [found[name] for name in sorted(found)]


def _find(registry: CollectorRegistry, name: str) -> object | None:
    names = registry._names_to_collectors
    return names.get(name) or names.get(name.removesuffix("_total"))
