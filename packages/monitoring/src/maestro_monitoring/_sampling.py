"""Readings that are taken when somebody looks: before a scrape, and now and then in workers that are not scraped."""

from __future__ import annotations

import logging
from collections.abc import Callable
from threading import Lock
from weakref import WeakKeyDictionary

from prometheus_client import CollectorRegistry

_log = logging.getLogger("maestro_monitoring")
_lock = Lock()
_samples: WeakKeyDictionary[CollectorRegistry, dict[str, Callable[[], None]]] = WeakKeyDictionary()
_told: set[str] = set()


def sample_with(sample: Callable[[], None], *, name: str, registry: CollectorRegistry) -> Callable[[], None]:
    """Have `sample` called before every scrape; the function that is returned ends that."""
    with _lock:
        _samples.setdefault(registry, {})[name] = sample

    def stop() -> None:
        with _lock:
            if _samples.get(registry, {}).get(name) is sample:
                del _samples[registry][name]

    return stop


def take_samples(registry: CollectorRegistry) -> None:
    """Take every reading of a registry; one that fails is logged once and does not spoil the scrape.

    A registry that is not known here may show several others as one, so all readings are taken for it.
    """
    with _lock:
        known = [_samples[registry]] if registry in _samples else list(_samples.values())
        due = [item for samples in known for item in samples.items()]
    for name, sample in due:
        try:
            sample()
        except Exception:  # noqa: BLE001  # a user's callable at the boundary of a scrape
            if name not in _told:
                _told.add(name)
                _log.warning("reading %r failed and is left out of the metrics", name, exc_info=True)
