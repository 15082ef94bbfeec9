"""The adapter to Vault: one session on hvac that logs in, retries what may pass, and names what does not."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final, TypeVar

from ._logins import Login, Token
from .errors import ConfigError

R = TypeVar("R")

_RETRIED: Final = frozenset({408, 412, 429, 472, 473})  # and 5xx, of Vault and of what stands before it
_SHARE_BEFORE_RENEWAL: Final = 2 / 3
_SHARE_WORTH_KEEPING: Final = 1 / 2
_LEAST_PAUSE_S: Final = 1.0
_REASONS: Final = {
    400: "the request is not accepted; check credentials and lease",
    401: "the credentials are not accepted",
    403: "permission denied; check the policy of this role and that its token is valid",
    404: "nothing is there",
    405: "not supported here; check the mount and kv_version",
}


class VaultError(ConfigError):
    """The base of Vault's errors."""


class VaultRefused(VaultError):
    """Vault answered and said no: a mistake in a policy, a path or a credential, never an empty value."""

    def __init__(self, status: int, path: str, reason: str = "") -> None:
        self.status = status
        self.path = path
        self.reason = reason or _REASONS.get(status, "refused")
        super().__init__(f"Vault refused {path}: {self.reason} (HTTP {status})")


class VaultUnavailable(VaultError):
    """Vault did not answer, or answered that it cannot serve now: sealed, overloaded, in standby, unreachable."""

    def __init__(self, path: str, reason: str) -> None:
        self.path = path
        self.reason = reason
        super().__init__(f"Vault is unavailable for {path}: {reason}")


@dataclass(frozen=True, slots=True)
class _TokenLife:
    """How long the token of one login was granted to live, and since when."""

    login: int
    since: float
    granted_s: float
    first_granted_s: float
    renewable: bool


class VaultSession:
    """A logged-in connection, safe to share between threads.

    `verify` is a file of certificate authorities, or whether to check at all; unset, `VAULT_CACERT` says it.
    """

    def __init__(
        self,
        address: str,
        *,
        login: Login | None = None,
        namespace: str | None = None,
        timeout_s: float = 5.0,
        attempts: int = 3,
        pause: Callable[[float], object] = time.sleep,
        verify: bool | str | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        try:
            import hvac  # type: ignore[import-untyped,unused-ignore]  # it ships no types
        except ImportError:
            raise ConfigError("Vault needs the extra: pip install 'maestro-core-config[vault]'") from None
        self.address = address
        self._login: Login = login or Token()
        self._attempts = attempts
        self._pause = pause
        self._lock = threading.Lock()
        self._client = hvac.Client(url=address, namespace=namespace, timeout=timeout_s, verify=verify)
        self._client.token = None  # hvac takes one from the environment by itself; the login decides here
        self._clock = clock
        self._generation = 0
        self._life: _TokenLife | None = None
        # hvac names only some statuses by class, and not the same ones in every version; the number is exact.
        self._answered = threading.local()
        self._client.session.hooks["response"].append(self._note_status)

    def read_kv(self, path: str, *, mount: str, version: int) -> tuple[dict[str, Any], int | None]:
        """Read a KV document and, for KV 2, its version.

        Raises:
            VaultRefused: when Vault says no, or the document's last version is deleted.
            VaultUnavailable: when it cannot be asked.
        """
        place = f"{mount}/{path}"
        if version == 1:
            return self._document(self.get(place), place), None
        response = self._document(self.get(f"{mount}/data/{path}"), place)
        if response.get("data", {}) is None:
            raise VaultRefused(404, place, "its last version is deleted")
        return self._document(response, place), self._document(response, place, "metadata").get("version")

    def list_kv(self, path: str, *, mount: str, version: int) -> list[str]:
        """List the names under a path for a suggestion; empty when Vault does not let us."""
        folder = f"{mount}/metadata/{path}" if version == 2 else f"{mount}/{path}"
        try:
            return list(self.call(folder, lambda client: client.adapter.list(f"/v1/{folder}"))["data"]["keys"])
        except (VaultError, KeyError, TypeError):
            return []

    def _document(self, answer: Any, place: str, key: str = "data") -> dict[str, Any]:
        # A proxy in between may answer 200 with a page of its own.
        if isinstance(answer, dict) and isinstance(answer.get(key), dict):
            return dict(answer[key])
        raise VaultUnavailable(place, "what answered is not Vault, or kv_version is another")

    def get(self, path: str) -> dict[str, Any]:
        """Read any path of the API.

        Raises:
            VaultRefused: when Vault says no.
            VaultUnavailable: when it cannot be asked.
        """
        answer = self.call(path, lambda client: client.adapter.get(f"/v1/{path}"))
        if not isinstance(answer, dict):  # hvac gives the bare response when it is not JSON
            raise VaultUnavailable(path, "what answered is not Vault")
        return answer

    def put(self, path: str, **body: Any) -> dict[str, Any]:
        """Write to any path of the API.

        Raises:
            VaultRefused: when Vault says no.
            VaultUnavailable: when it cannot be asked.
        """
        response = self.call(path, lambda client: client.adapter.put(f"/v1/{path}", json=body))
        return response if isinstance(response, dict) else {}  # hvac gives the bare response for 204

    @property
    def logins(self) -> int:
        """How often it has logged in."""
        return self._generation

    def tend_token(self) -> float:
        """Renew the token when two thirds of its life are over, or log in afresh when that gives too little.

        Returns the seconds until something may be due again. What Vault leased to a token ends with it.

        Raises:
            VaultRefused: when a fresh login is refused.
            VaultUnavailable: when it cannot be asked.
        """
        life = self._token_life()
        due = life.since + life.granted_s * _SHARE_BEFORE_RENEWAL - self._clock()
        if due > 0:
            return due
        granted_s = self._token_renewed(life)
        if granted_s < life.first_granted_s * _SHARE_WORTH_KEEPING and self._login.renewable:
            self._forget_token(life.login)
            return self._token_life().granted_s * _SHARE_BEFORE_RENEWAL
        self._life = replace(life, since=self._clock(), granted_s=granted_s)
        due = granted_s * _SHARE_BEFORE_RENEWAL
        # One that nobody can replace is asked about until its end, but not without a pause.
        return due if self._login.renewable else max(due, _LEAST_PAUSE_S)

    def _token_life(self) -> _TokenLife:
        login = self._logged_in("auth/token/lookup-self")
        life = self._life
        if life is not None and life.login == login:
            return life
        try:
            token = self.get("auth/token/lookup-self")["data"]
        except VaultRefused:  # a policy may forbid even this; then nobody can tell, and a 403 leads to a fresh login
            token = {}
        granted_s = float(token.get("ttl", 0)) or math.inf  # root tokens have no end
        self._life = _TokenLife(
            self._generation, self._clock(), granted_s, granted_s, bool(token.get("renewable", False))
        )
        return self._life

    def _token_renewed(self, life: _TokenLife) -> float:
        """Prolong the token's life: for how many seconds it lives now."""
        if life.renewable:
            try:
                answer = self.put("auth/token/renew-self", increment=f"{life.first_granted_s:.0f}s")
                return float(answer["auth"]["lease_duration"])
            except VaultRefused:
                pass
        return max(life.since + life.granted_s - self._clock(), 0.0)

    def call(self, path: str, operation: Callable[[Any], Any]) -> Any:
        """Run one operation, logged in; again after a pause when it may pass, once more after a fresh login on 403."""
        relogins = 1 if self._login.renewable else 0
        for attempt in range(1, self._attempts + relogins + 1):
            generation = self._logged_in(path)
            try:
                return self._once(path, lambda: operation(self._client))
            except VaultRefused as exc:
                if exc.status != 403 or not relogins:
                    raise
                relogins -= 1
                self._forget_token(generation)
            except VaultUnavailable:
                if attempt >= self._attempts:
                    raise
                self._pause(0.1 * 2 ** (attempt - 1))
        raise AssertionError("the last attempt returns or raises")

    def _note_status(self, response: Any, *_args: Any, **_kwargs: Any) -> None:
        self._answered.status = response.status_code

    def _logged_in(self, path: str) -> int:
        with self._lock:
            if self._client.token is None:
                for attempt in range(1, self._attempts + 1):
                    try:
                        self._once(f"login for {path}", lambda: self._login(self._client))
                        break
                    except VaultUnavailable:
                        if attempt == self._attempts:
                            raise
                        self._pause(0.1 * 2 ** (attempt - 1))
                self._generation += 1
            return self._generation

    def _forget_token(self, generation: int) -> None:
        with self._lock:
            if generation == self._generation:  # another thread may have logged in meanwhile
                self._client.token = None

    def _once(self, path: str, operation: Callable[[], R]) -> R:
        import hvac.exceptions  # type: ignore[import-untyped,unused-ignore]  # it ships no types
        import requests

        self._answered.status = 0
        # The errors of hvac and requests hold the request, credentials included; ours start afresh.
        failure: VaultError
        try:
            return operation()
        except hvac.exceptions.VaultError as exc:
            failure = _named(getattr(self._answered, "status", 0), path, str(exc))
        except (requests.exceptions.InvalidSchema, requests.exceptions.InvalidURL, requests.exceptions.MissingSchema):
            failure = VaultError("the address of Vault is no http:// or https:// URL; check VAULT_ADDR")
        except (requests.RequestException, OSError) as exc:
            failure = VaultUnavailable(path, type(exc).__name__)
        raise failure


def _named(status: int, path: str, text: str) -> VaultError:
    if not status or status in _RETRIED or status >= 500:
        sealed = "sealed, " if "sealed" in text.lower() else ""
        return VaultUnavailable(path, f"{sealed}HTTP {status}" if status else "no answer")
    return VaultRefused(status, path)
