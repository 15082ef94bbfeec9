"""Leased credentials: renewed while they may be, replaced before they end, live objects re-keyed on the way.

A replacement is a transaction: new credentials are fetched, every subscriber re-keys its object, and only when all of
them succeeded do the new ones become current and the old lease is revoked. A subscriber that fails leaves the old
ones in place, still valid, and the replacement is tried again.

Vault revokes what a token leased when the token ends, so the session's token is kept alive from here, too, and what
was leased under an ended one is replaced at once.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Protocol

from ._vault_session import VaultError, VaultRefused
from .errors import ConfigError

_log: Final = logging.getLogger("maestro_core_config")
_SHARE_BEFORE_RENEWAL: Final = 2 / 3
_SHARE_WORTH_KEEPING: Final = 1 / 3
_RETRY_S: Final = 1.0


class LeaseServer(Protocol):
    """What this module needs of a `VaultSession`."""

    def get(self, path: str) -> dict[str, Any]:
        """Read a path."""

    def put(self, path: str, **body: Any) -> dict[str, Any]:
        """Write to a path."""

    def tend_token(self) -> float:
        """Keep the token alive; return the seconds until that may be due again."""

    @property
    def logins(self) -> int:
        """How often the session has logged in; leases belong to the token of one login."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """One leased secret: its content and how long it may be used."""

    content: dict[str, str]
    lease_id: str
    duration_s: float
    renewable: bool

    def __repr__(self) -> str:
        return f"Credentials({sorted(self.content)}, lease of {self.duration_s:g} s)"


Subscriber = Callable[[Credentials], object]


class LeasedCredentials:
    """Credentials under a lease, current at every moment; reading them takes no lock.

    `tick()` does what is due and says when to come again; `start()` calls it from a thread. With neither, the
    credentials are those first fetched. Replaced credentials are revoked at once, or `grace_s` later: for readers that
    take `current` and connect with it by themselves.
    """

    def __init__(
        self, session: LeaseServer, path: str, *, grace_s: float = 0.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._session = session
        self._path = path
        self._grace_s = grace_s
        self._clock = clock
        self._retired: list[tuple[float, Credentials]] = []
        self._subscribers: list[Subscriber] = []
        self._turn = threading.Lock()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._current = self._fetch()
        self._login = session.logins
        self._granted_s = self._current.duration_s
        self._since = clock()
        self.rotations = 0

    @property
    def current(self) -> Credentials:
        """The credentials to use now."""
        return self._current

    @property
    def remaining_s(self) -> float:
        """How long the current lease still holds."""
        return self._since + self._current.duration_s - self._clock()

    def on_rotation(self, subscriber: Subscriber) -> Subscriber:
        """Register a function that re-keys a live object; usable as a decorator. It must raise if it cannot."""
        self._subscribers.append(subscriber)
        return subscriber

    def tick(self) -> float:
        """Renew or replace the credentials if that is due; return the seconds until something may be due again."""
        with self._turn:
            try:
                self._revoke_retired()
                token_due = self._session.tend_token()
                if self._session.logins != self._login or (self._due() <= 0 and not self._renewed()):
                    self._rotate()
            except Exception as exc:  # noqa: BLE001 - whatever a subscriber or the network raises: keep serving, retry
                reason = str(exc) if isinstance(exc, VaultError) else type(exc).__name__
                _log.warning("credentials of %s not replaced, %.0f s left: %s", self._path, self.remaining_s, reason)
                return min(_RETRY_S, max(self.remaining_s / 4, 0.01))
            return min(self._due(), token_due, *(at - self._clock() for at, _ in self._retired))

    def rotate(self) -> None:
        """Replace the credentials now.

        Raises:
            VaultError: when Vault gives no new ones; the old ones stay.
        """
        with self._turn:
            self._rotate()

    def start(self) -> None:
        """Keep the credentials current from a daemon thread until `close()`."""
        if self._thread is None or not self._thread.is_alive():  # of the process that forked this one
            self._thread = threading.Thread(target=self._run, name=f"lease {self._path}", daemon=True)
            self._thread.start()

    def close(self) -> None:
        """Stop the thread and give the lease back."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
        for _, lease in self._retired:
            self._revoke(lease)
        self._revoke(self._current)

    def _due(self) -> float:
        return self._current.duration_s * _SHARE_BEFORE_RENEWAL - (self._clock() - self._since)

    def _run(self) -> None:
        while not self._stop.wait(self.tick()):
            pass

    def _fetch(self) -> Credentials:
        response = self._session.get(self._path)
        if not response.get("lease_id"):
            raise ConfigError(f"{self._path} is not leased, so nothing would renew or replace it; read it as a setting")
        return Credentials(
            response["data"], response["lease_id"], float(response["lease_duration"]), bool(response["renewable"])
        )

    def _renewed(self) -> bool:
        """Try to prolong the lease; False when it has to be replaced: lost, not renewable, or near its maximum."""
        lease = self._current
        if not lease.renewable or self.remaining_s <= 0:
            return False
        try:
            answer = self._session.put("sys/leases/renew", lease_id=lease.lease_id, increment=int(self._granted_s))
        except VaultRefused:
            return False
        granted = float(answer["lease_duration"])
        self._current = Credentials(lease.content, lease.lease_id, granted, bool(answer["renewable"]))
        self._since = self._clock()
        return granted > self._granted_s * _SHARE_WORTH_KEEPING

    def _rotate(self) -> None:
        fresh, old = self._fetch(), self._current
        fetched_at, login = self._clock(), self._session.logins
        done: list[Subscriber] = []
        try:
            for subscriber in self._subscribers:
                subscriber(fresh)
                done.append(subscriber)
        except Exception:
            for subscriber in done:  # those already re-keyed go back to what is still current
                self._key_back(subscriber, old)
            self._revoke(fresh)
            raise
        self._current, self._since, self._granted_s, self._login = fresh, fetched_at, fresh.duration_s, login
        self.rotations += 1
        if self._grace_s > 0:
            self._retired.append((fetched_at + self._grace_s, old))
        else:
            self._revoke(old)

    def _key_back(self, subscriber: Subscriber, old: Credentials) -> None:
        try:
            subscriber(old)
        except Exception as exc:  # noqa: BLE001 - the others are still to be told
            _log.error("a subscriber to %s did not go back: %s", self._path, type(exc).__name__)

    def _revoke_retired(self) -> None:
        now = self._clock()
        over = [lease for at, lease in self._retired if at <= now]
        self._retired = [(at, lease) for at, lease in self._retired if at > now]
        for lease in over:
            self._revoke(lease)

    def _revoke(self, lease: Credentials) -> None:
        try:
            self._session.put("sys/leases/revoke", lease_id=lease.lease_id)
        except VaultError as exc:
            _log.info("lease of %s not revoked, it ends by itself: %s", self._path, exc)
