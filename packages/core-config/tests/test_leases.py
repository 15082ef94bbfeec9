"""Leased credentials: renewed, replaced, and never gone while somebody reads them."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

pytest.importorskip("hvac")

from maestro_core_config import ConfigError
from maestro_core_config.leases import Credentials, LeasedCredentials
from maestro_core_config.testing import ROOT_TOKEN, FakeVault
from maestro_core_config.vault import AppRole, Token, VaultError, VaultSession


class Clock:
    """A clock that tests move."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def vault(clock: Clock) -> Iterator[FakeVault]:
    with FakeVault(clock=clock) as server:
        yield server


@pytest.fixture
def leased(vault: FakeVault, clock: Clock) -> LeasedCredentials:
    session = VaultSession(vault.address, login=Token(ROOT_TOKEN), pause=lambda _: None)
    return LeasedCredentials(session, "database/creds/orders", clock=clock)


def test_a_lease_is_renewed_when_two_thirds_are_gone(leased: LeasedCredentials, vault: FakeVault, clock: Clock) -> None:
    """Not before, and the credentials stay the same."""
    first = leased.current.content
    assert leased.tick() == pytest.approx(40)
    clock.now += 39
    assert leased.tick() == pytest.approx(1)
    assert not any("renew" in request for request in vault.requests)
    clock.now += 2
    assert leased.tick() == pytest.approx(40)
    assert leased.current.content == first
    assert leased.remaining_s == pytest.approx(60)
    assert leased.rotations == 0


@pytest.mark.parametrize("reason", ["maximum", "lost", "expired"])
def test_a_lease_that_cannot_go_on_is_replaced_and_live_objects_are_re_keyed(
    reason: str, leased: LeasedCredentials, vault: FakeVault, clock: Clock
) -> None:
    """Near its maximum, lost, or over: new credentials reach every subscriber, then the old lease is given back."""
    old, seen = leased.current, []
    leased.on_rotation(lambda new: seen.append((new, leased.current)))
    if reason == "maximum":
        vault.max_lease_s = 45
    elif reason == "lost":
        vault.lose_leases()
    clock.now += 100 if reason == "expired" else 41
    leased.tick()
    ((new, current_then),) = seen
    assert current_then.content == old.content
    assert leased.current is new
    assert new.content != old.content
    assert vault.revoked == [old.lease_id]
    assert leased.rotations == 1


def test_a_subscriber_that_fails_leaves_the_old_credentials_everywhere(
    leased: LeasedCredentials, vault: FakeVault, clock: Clock
) -> None:
    """The first subscriber is put back, the new lease is revoked, and the next tick tries again."""
    keyed: list[str] = []
    broken = [True]

    leased.on_rotation(lambda new: keyed.append(new.content["username"]))

    @leased.on_rotation
    def fail_once(new: Credentials) -> None:
        if broken.pop() if broken else False:
            raise ConnectionError("the pool could not be rebuilt")

    old = leased.current
    vault.lose_leases()
    clock.now += 41
    assert leased.tick() <= 1.0
    assert leased.current is old
    assert keyed == ["user-2", "user-1"]
    assert vault.revoked == ["database/creds/orders/2"]
    leased.tick()
    assert leased.current.content["username"] == "user-3"
    assert keyed[-1] == "user-3"


def test_an_outage_keeps_the_old_credentials_and_is_survived(
    leased: LeasedCredentials, vault: FakeVault, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    """Sealed at renewal: nothing raises, nothing changes, a warning says how long is left."""
    old = leased.current
    clock.now += 41
    with vault.sealed():
        assert leased.tick() <= 1.0
        assert leased.current is old
    assert "19 s left" in caplog.text
    assert "password" not in caplog.text
    leased.tick()
    assert leased.remaining_s == pytest.approx(60)


@pytest.mark.parametrize("way", ["a re-keyed pool", "current credentials, with a grace"])
def test_fifty_rotations_under_load_fail_no_read(way: str, vault: FakeVault, clock: Clock) -> None:
    """At every use the server lets the credentials in, although each rotation revokes the ones before."""
    session = VaultSession(vault.address, login=Token(ROOT_TOKEN))
    grace_s = 5.0 if way != "a re-keyed pool" else 0.0
    leased = LeasedCredentials(session, "database/creds/orders", grace_s=grace_s, clock=clock)
    pool, turn = {"now": leased.current}, threading.Lock()

    @leased.on_rotation
    def re_key(new: Credentials) -> None:
        with turn:  # whoever uses the pool has finished
            pool["now"] = new

    counts = {"reads": 0, "failed": 0}
    stop, started = threading.Event(), threading.Barrier(4)

    def read() -> None:
        started.wait()
        while not stop.wait(0.0002):  # readers that never pause would keep the server's threads waiting
            if grace_s:
                accepted = vault.accepts(**leased.current.content)
            else:
                with turn:
                    accepted = vault.accepts(**pool["now"].content)
            with counting:
                counts["reads"] += 1
                counts["failed"] += not accepted

    counting = threading.Lock()
    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    started.wait()
    first = leased.current
    for _ in range(50):
        leased.rotate()
    stop.set()
    for reader in readers:
        reader.join()
    assert (counts["failed"], leased.rotations) == (0, 50)
    assert counts["reads"] > 50
    clock.now += 6
    leased.tick()
    assert not vault.accepts(**first.content)
    assert len(vault.revoked) == 50
    leased.close()
    assert not vault.accepts(**leased.current.content)


@pytest.mark.parametrize(
    ("ttl_s", "max_s", "logins"), [(30, 100, 8), (1000, 1000, 1), (30, 30, 30), (400, 5000, 1)], ids=str
)
def test_what_a_token_leased_is_replaced_before_the_token_ends(
    ttl_s: float, max_s: float, logins: int, vault: FakeVault, clock: Clock
) -> None:
    """Ten minutes, second by second: tokens are renewed to their maximum, then a fresh login re-keys; nobody is shut out."""
    vault.token_ttl_s, vault.max_token_s = ttl_s, max_s
    vault.allow_login("approle", role_id="r", secret_id="s")
    session = VaultSession(vault.address, login=AppRole("r", "s"), clock=clock)
    leased = LeasedCredentials(session, "database/creds/orders", clock=clock)
    keyed: list[Credentials] = [leased.current]
    leased.on_rotation(keyed.append)
    due = clock.now
    for _ in range(600):
        if clock.now >= due:
            due = clock.now + leased.tick()
        assert vault.accepts(**leased.current.content), clock.now
        assert leased.current.content == keyed[-1].content
        clock.now += 1
    assert 1 <= session.logins <= logins
    assert leased.rotations >= session.logins - 1
    assert any("renew-self" in request for request in vault.requests) == (ttl_s < 600)


def test_a_token_that_nobody_can_renew_is_left_to_its_end(vault: FakeVault, clock: Clock) -> None:
    """A static one: renewed while the server lets it, and looked at no more often than once a second."""
    vault.token_ttl_s = vault.max_token_s = 60
    vault.allow_login("approle", role_id="r", secret_id="s")
    session = VaultSession(vault.address, login=AppRole("r", "s"), clock=clock)
    session.get("auth/token/lookup-self")
    token = str(session._client.token)
    static = VaultSession(vault.address, login=Token(token), clock=clock)
    assert static.tend_token() == pytest.approx(40)
    clock.now += 45
    assert static.tend_token() == pytest.approx(10)
    clock.now += 14.5
    assert static.tend_token() == pytest.approx(1.0)
    clock.now += 5
    with pytest.raises(VaultError):
        static.get("secret/data/x")
    vault.denied.add("auth/token/lookup-self")
    assert VaultSession(vault.address, login=AppRole("r", "s"), clock=clock).tend_token() == float("inf")


def test_going_back_is_told_to_everybody_although_one_fails(
    leased: LeasedCredentials, vault: FakeVault, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    """The fresh lease is given back all the same."""
    keyed: list[str] = []

    @leased.on_rotation
    def stubborn(new: Credentials) -> None:
        if new.content["username"] == "user-1":
            raise RuntimeError

    leased.on_rotation(lambda new: keyed.append(new.content["username"]))

    @leased.on_rotation
    def objects(_: Credentials) -> None:
        raise ConnectionError

    with pytest.raises(ConnectionError):
        leased.rotate()
    assert keyed == ["user-2", "user-1"]
    assert vault.revoked == ["database/creds/orders/2"]
    assert "did not go back: RuntimeError" in caplog.text


def test_the_thread_rotates_by_itself_and_close_gives_the_lease_back(vault: FakeVault) -> None:
    """With a real clock and leases of a second."""
    vault.lease_s, vault.max_lease_s = 1, 0.0
    leased = LeasedCredentials(VaultSession(vault.address, login=Token(ROOT_TOKEN)), "database/creds/orders")
    rotated = threading.Event()
    leased.on_rotation(lambda new: rotated.set())
    leased.start()
    leased.start()
    assert rotated.wait(timeout=10)
    leased.close()
    assert leased.current.lease_id in vault.revoked


def test_the_first_fetch_is_refused_or_given(vault: FakeVault, clock: Clock) -> None:
    """There is no object without credentials; reprs do not show them."""
    session = VaultSession(vault.address, login=Token("wrong"), pause=lambda _: None)
    with pytest.raises(VaultError):
        LeasedCredentials(session, "database/creds/orders", clock=clock)


def test_what_is_not_leased_is_refused(vault: FakeVault, clock: Clock) -> None:
    """A document has no lease, and would be asked for again and again."""
    vault.kv1["kv"]["orders"] = {"username": "u"}
    session = VaultSession(vault.address, login=Token(ROOT_TOKEN))
    with pytest.raises(ConfigError, match="kv/orders is not leased"):
        LeasedCredentials(session, "kv/orders", clock=clock)


def test_reprs_hide_the_content(leased: LeasedCredentials) -> None:
    """Credentials appear in logs of pools."""
    assert repr(leased.current) == "Credentials(['password', 'username'], lease of 60 s)"
