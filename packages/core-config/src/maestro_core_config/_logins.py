"""Ways to log in to Vault, on hvac's methods; another one is a class with `renewable` and a call."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

from .errors import ConfigError

_SERVICE_ACCOUNT_TOKEN: Final = "/var/run/secrets/kubernetes.io/serviceaccount/token"  # noqa: S105 - a path


class Login(Protocol):
    """A way to get a token."""

    @property
    def renewable(self) -> bool:
        """Whether logging in again can give a fresh token."""

    def __call__(self, client: Any) -> None:
        """Log an hvac client in."""


@dataclass(frozen=True)
class Token:
    """A token given as it is, from `VAULT_TOKEN` by default."""

    token: str | None = None
    renewable = False

    def __call__(self, client: Any) -> None:
        """Give the client the token.

        Raises:
            ConfigError: when there is none.
        """
        client.token = self.token or os.environ.get("VAULT_TOKEN")
        if not client.token:
            raise ConfigError("no Vault token: set VAULT_TOKEN, or choose another login")

    def __repr__(self) -> str:
        return "Token(**********)"


@dataclass(frozen=True)
class AppRole:
    """Role id and secret id."""

    role_id: str
    secret_id: str
    mount: str = "approle"
    renewable = True

    def __call__(self, client: Any) -> None:
        """Log in at `auth/<mount>/login`."""
        client.auth.approle.login(role_id=self.role_id, secret_id=self.secret_id, mount_point=self.mount)

    def __repr__(self) -> str:
        return f"AppRole({self.role_id!r}, **********)"


@dataclass(frozen=True)
class Kubernetes:
    """The pod's service account; its token is read at every login, since the kubelet rotates it."""

    role: str
    token_file: str = _SERVICE_ACCOUNT_TOKEN
    mount: str = "kubernetes"
    renewable = True

    def __call__(self, client: Any) -> None:
        """Log in at `auth/<mount>/login`.

        Raises:
            ConfigError: when there is no token to log in with, which no other copy of the documents makes right.
        """
        try:
            jwt = Path(self.token_file).read_text(encoding="utf-8").strip()
        except OSError as exc:
            raise ConfigError(f"no service account token at {self.token_file}: {exc.strerror}") from None
        client.auth.kubernetes.login(role=self.role, jwt=jwt, mount_point=self.mount)


@dataclass(frozen=True)
class Jwt:
    """A JWT of an identity provider, given as text or asked for at every login."""

    role: str
    token: str | Callable[[], str]
    mount: str = "jwt"
    renewable = True

    def __call__(self, client: Any) -> None:
        """Log in at `auth/<mount>/login`."""
        jwt = self.token() if callable(self.token) else self.token
        client.auth.jwt.jwt_login(role=self.role, jwt=jwt, path=self.mount)

    def __repr__(self) -> str:
        return f"Jwt({self.role!r}, **********)"
