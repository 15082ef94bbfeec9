"""Redaction: what must not be read is masked in every sink, and what may be read stays."""

import io
import itertools
import json
import logging
import os
import re
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maestro_core_logging import (
    AuditLog,
    EventFormatter,
    NoRedaction,
    Redaction,
    configure_logging,
    emit_event,
    get_logger,
    log_context,
)
from maestro_core_logging._shapes import MASK, is_card_number, may_hold_secret, redact_text
from maestro_core_logging.testing import ordinary_fields, secret_fields


class SecretStr:
    """What pydantic's and other libraries' secret types look like; its repr leaks on purpose."""

    def __init__(self, value):
        self._value = value

    def __repr__(self):
        return self._value


def test_recall_and_false_alarms_over_the_corpus(capsys):
    """At least 99 % of a thousand secrets are masked; at most 0.5 % of ordinary fields are touched."""
    redaction = Redaction()
    leaked = [(k, v) for k, v, secret in secret_fields() if secret in str(redaction.event({k: v}))]
    touched = [(key, value) for key, value in ordinary_fields() if redaction.event({key: value}) != {key: value}]
    recall, alarms = 1 - len(leaked) / 1_000, len(touched) / 4_000
    with capsys.disabled():
        print(f"\nredaction: recall {recall:.3%} of 1,000 secrets, false alarms {alarms:.3%} of 4,000 ordinary fields")
    assert recall >= 0.99, leaked[:20]
    assert alarms <= 0.005, touched[:20]


def secrets_in_lines():
    """Give lines written before anybody looked at the code, each as a field and the secret in it."""
    for line in Path(__file__).with_name("secrets_in_lines.txt").read_text().splitlines():
        key, _, text = line.rpartition("⇒")
        text = text.replace("\\n", "\n")
        yield key or "note", text.replace("«", "").replace("»", ""), text.partition("«")[2].partition("»")[0]


def test_recall_over_lines_that_the_code_was_not_written_for(capsys):
    """As services, drivers, shells and vendors print them; logged twice, since the second call takes a shorter way."""
    stream = io.StringIO()
    configure_logging(stream=stream, format="json")
    leaked = []
    for number, (key, text, secret) in enumerate(secrets_in_lines()):
        stream.seek(0)
        stream.truncate()
        for _ in range(2):
            get_logger("svc").info("event %s", number, extra={key: text})
            get_logger("svc").info("event", **{key: text})
        written = [json.loads(line) for line in stream.getvalue().splitlines()]
        if any(secret in str(line[key]) for line in written):
            leaked.append(text)
    recall = 1 - len(leaked) / (number + 1)
    with capsys.disabled():
        print(f"\nredaction: recall {recall:.3%} of {number + 1} secrets in lines of others")
    assert recall >= 0.99, leaked


def texts_of_the_standard_library():
    """Give what the standard library logs and raises, with ordinary values filled in."""
    values = itertools.cycle(
        ["users", "/v1/orders/77", "42", "ann@example.com", "['a', 'b']", "{'id': 3}", "10.0.0.7:8080", "None",
         "https://api.example.com/v1?page=2", "ValueError('bad')", "2026-11-23T06:00:00Z", "sha256:ab12cd34ef"]
    )  # fmt: skip
    for path in sorted(Path(os.__file__).parent.rglob("*.py")):
        if {"test", "tests", "idlelib", "site-packages", "dist-packages", "lib2to3"}.isdisjoint(path.parts):
            source = path.read_text(encoding="utf-8", errors="replace")
            for found in re.finditer(r"(?:raise \w+\(|(?:log|logger|_log)\.\w+\()f?(['\"])([^'\"\n\\]{8,})\1", source):
                yield re.sub(r"%(?:\(\w+\))?[-+0-9.]*[srdifx]|\{[^{}]*\}", lambda _: next(values), found[2])


def test_false_alarms_over_lines_that_the_code_was_not_written_for(capsys):
    """At most 0.5 % of what the standard library says in its logs and errors is touched."""
    texts = set(texts_of_the_standard_library())
    touched = [text for text in texts if redact_text(text) != text]
    alarms = len(touched) / len(texts)
    with capsys.disabled():
        print(f"\nredaction: false alarms {alarms:.3%} of {len(texts):,} texts of the standard library")
    assert len(texts) >= 500
    assert alarms <= 0.005, touched


@pytest.mark.parametrize("format_", ["json", "ecs", "console", "logfmt"])
def test_no_way_to_a_sink_leads_around_it(format_):
    """Message, arguments, fields, context, extra, exception arguments, tracebacks and emitted events, in each format."""
    secret = "AKIA" + "Q" * 16
    stream = io.StringIO()
    configure_logging(stream=stream, format=format_)
    log = get_logger("svc")
    for listen in (None, logging.NullHandler()):
        if listen:
            log.addHandler(listen)
        log.info(f"key {secret}")
        log.info("key %s", secret)
        log.info("x", note=f"<{secret}>")
        log.info("x", nested={"a": [{"b": secret}]}, value=SecretStr(secret))
        log.info("x", extra={"note": secret})
        with log_context(note=secret):
            log.info("x")
        try:
            raise ValueError(f"bad key {secret}")
        except ValueError as error:
            log.exception("failed")
            emit_event("failed", exception=error, note=secret)
    assert secret not in stream.getvalue()
    assert stream.getvalue().count("redacted") >= 16


def test_the_audit_channel_and_templates_that_ask_for_it_are_redacted(tmp_path):
    """No sink is an exception."""
    secret = "AKIA" + "Q" * 16
    AuditLog(tmp_path / "audit.log").write("key_used", actor="ann", note=secret, password="hunter2")
    text = (tmp_path / "audit.log").read_text()
    assert secret not in text
    assert "hunter2" not in text
    stream = io.StringIO()
    configure_logging(stream=stream, template="%(message)s", redact=Redaction())
    get_logger("svc").warning("key %s", secret)
    assert stream.getvalue() == "key [redacted:token]\n"


def test_the_look_of_a_value_is_named_in_its_mask():
    """Who reads the log learns what was there."""
    text = redact_text("postgres://app:s3cret@db/x 4111 1111 1111 1111 password=abc123 Bearer abcdefghijklmnop")
    assert text == f"postgres://app:{MASK}@db/x [redacted:card] password={MASK} Bearer {MASK}"


class Login(NamedTuple):
    """What a library gives for a login."""

    user: str
    password: str


class Account(NamedTuple):
    """What it gives for an account."""

    user: str
    number: int
    api_key: str


@pytest.mark.parametrize(
    "value",
    [
        [("Authorization", "hunter22"), ("accept", "*/*")],
        [(b"x-api-key", b"hunter22")],
        {b"authorization": b"hunter22"},
        "postgres://u:p@ss-hunter22@host/db",
        "redis://:hunter22@localhost",
        "https://hunter22-token@github.com/x",
        "mysql --password hunter22 -u root",
        "tool --db-password=hunter22",
        "curl -s -u admin:hunter22 https://x",
        "Cookie: sessionid=hunter22; b=2",
        "Set-Cookie: sid=hunter22; Path=/",
        "password -> hunter22",
        "<db:password>hunter22</db:password>",
        "https://hooks.slack.com/services/T000/B000/hunter22abcdefghijklmn",
        "https://api.telegram.org/bot123456789:AAhunter22abcdefghijklmnop/send",
        "https://x.blob.core.windows.net/a?sv=2020&sig=hunter22%2Babc%3D&se=2026",
        "AccountName=a;AccountKey=hunter22abc==;EndpointSuffix=x",
        "Client(api_key='hunter22', x=1)",
        '{"password": "a b,hunter22", "n": 1}',
        "MYSQL_ROOT_PASSWORD=hunter22 PATH=/bin",
        "clientSecret=hunter22",
        "GET /callback?code=hunter22-4f0AdQt2Y&state=x",
        "https://app/cb?state=x&code=4%2F0Ahunter22",
        "the password is hunter22",
        "password for ann is now 'hunter22'",
        "Password was hunter22, please change it",
        "the api key of the shop is hunter22x!",
        "token set to `hunter22`",
        "password: hunter22",
        "KeyError: 'hunter22TokenOfSession4fQ'",
        "SessionKeyError('hunter22TokenOfSession4fQ')",
        "otp was: hunter22",
        Login("ann", "hunter22"),
        Account("ann", 7, "hunter22"),
        {"cookies": {"sessionid": "hunter22"}, "passwords": ["hunter22"], "api_keys": ("hunter22",)},
        {"env": [{"name": "DB_PASSWORD", "value": "hunter22"}, {"key": "apiKey", "value": "hunter22"}]},
        {"type": "string_too_short", "loc": ("body", "password"), "input": "hunter22"},
        {"type": "string_type", "loc": ["body", "password"], "input": ["hunter22"]},
        ["mysql", "--password", "hunter22", "-h", "db"],
        "run ['mysql', '--password', 'hunter22']",
        '{\\"user\\": \\"ann\\", \\"password\\": \\"hunter22\\"}',
        '"{\\\\\\"api_key\\\\\\":\\\\\\"hunter22\\\\\\"}"',
        "redirect=%2Flogin%3Ftoken%3Dhunter22%26x%3D1",
        "Authorization: SSWS hunter22abcdef",
        "AUTH PLAIN AGFubgBodW50ZXIyMghunter22",
        "1 validation error for Login\npassword\n  Input should be shorter [type=x, input_value='hunter22', input_type=str]",
        "2 validation errors for S\ndb.password.0\n  Bad [type=x, input_value={'hunter22': 1}, input_type=dict]\nn\n  y",
        "ann:$apr1$hunter22$DswpBcrQbvZjpTifmrI1Yi",
        "scrypt:32768:8:1$hunter22$d0e7cb3593871c15d694c1957f8db039",
    ],
)
def test_secrets_as_people_really_log_them(value):
    """Headers as pairs, addresses with odd passwords, command lines, cookies, hooks."""
    stream = io.StringIO()
    configure_logging(stream=stream)
    get_logger("svc").info("x", value=value)
    assert "hunter22" not in stream.getvalue()


@pytest.mark.parametrize(
    "token",
    [
        "abc8Q~" + "aB3" * 11 + "x",
        "dp.pt." + "aB3" * 14,
        "phx_" + "aB3" * 14,
        "sb_secret_" + "aB3" * 10,
        "pscale_pw_" + "aB3" * 14,
        "EAA" + "aB3" * 30,
        "1234567890:AA" + "aB3" * 11,
        "0123" * 9 + "NRAL",
    ],
)
def test_more_vendors_tokens_are_known_by_their_look(token):
    """Azure's, Doppler's, PostHog's, Supabase's, PlanetScale's, Facebook's, Telegram's, New Relic's; without a word beside them."""
    assert redact_text(f"the call with {token} failed") == "the call with [redacted:token] failed"
    assert may_hold_secret(token)


def test_what_is_beside_a_secret_stays():
    """The same places with other names: settings, counts, what a validation says of harmless fields."""
    for value in [
        {"env": [{"name": "HOME", "value": "/root"}, {"key": "x", "value": 1}]},
        {"type": "int_parsing", "loc": ["body", "age"], "input": "ten"},
        {"secrets": 3, "cookies": True, "passwords": None, "total_tokens": 5},
        ["tool", "--passwords-file", "/etc/x", "--verbose", "yes"],
        {"input": {"age": 3}, "loc": ["password"]},
        [1, ["ann", 7]],
    ]:
        assert Redaction().event({"value": value}) == {"value": value}
    text = "1 validation error for S\nage\n  Input should be an integer [type=x, input_value='ten', input_type=str]"
    assert redact_text(text) == text


def test_numbers_told_as_pins_are_masked():
    """Digits alone are a secret after these words, and a size or a version elsewhere."""
    assert redact_text("the otp is 482193.") == f"the otp is {MASK}."
    assert redact_text("PIN was 4821") == f"PIN was {MASK}"
    assert redact_text("Card(pin='4821', n=1)") == f"Card(pin='{MASK}', n=1)"
    assert redact_text("spin=4821 pin=13") == "spin=4821 pin=13"
    assert redact_text("the pin is 3 mm wide") == "the pin is 3 mm wide"


@pytest.mark.parametrize(
    "text",
    [
        "the password is wrong",
        "password is too short: 8 characters at least",
        "Basic Authentication required.",
        "bearer authentication failed, basic configuration/authorization missing",
        "token is expired",
        "the token is 2048 bytes long",
        "signature was valid until 2026-11-22",
        "GET /errors?code=404&lang=en",
        "GET /phone?code=invalid_request",
        "status_code=200",
        "KeyError: 'order_id'",
        "KeyError: 'maestro_core_logging.integrations.otlp'",
        "KeyError: '0f8fad5b-d9cb-469f-a165-70867728950e'",
        "credentials of app42 is missing a role",
        "the author of pass is unknown",
        "password was changed by ann at 10:42",
        "the secret is out",
    ],
)
def test_ordinary_sentences_about_secrets_stay(text):
    """What tells an operator something, and no attacker anything."""
    assert redact_text(text) == text


def test_keys_are_known_in_any_spelling():
    """Case and separators do not matter; a name that only contains a word of it stays."""
    redaction = Redaction()
    for key in ["password", "DB_PASSWORD", "userPassword", "X-Api-Key", "client.secret", "Set-Cookie", "accessToken"]:
        assert redaction.is_secret_key(key), key
    for key in ["tokens", "max_tokens", "token_type", "author", "keyboard", "spinner", "company", "secretary", "japan"]:
        assert not redaction.is_secret_key(key), key


def test_secrets_that_are_keys_of_a_mapping_are_masked():
    """A table of sessions by token; entries are not lost when their masks are equal."""
    first, second = ("AKIA" + letter * 16 for letter in "QR")
    masked = Redaction().event({"sessions": {first: "ann", second: "bob", "short": 1, 7: 2}})
    assert masked == {"sessions": {"[redacted:token]": "ann", "[redacted:token] 1": "bob", "short": 1, 7: 2}}


def test_whether_there_is_a_password_is_no_secret():
    """None and booleans stay; an empty or a numeric secret does not."""
    assert Redaction().event({"password": None, "token": True, "pin": 1234}) == {
        "password": None,
        "token": True,
        "pin": MASK,
    }


def test_rules_of_ones_own():
    """Keys, exceptions from them, and patterns."""
    redaction = Redaction(keys=frozenset({"iban"}), allow=frozenset({"my_iban"}), patterns=(re.compile(r"K-\d+"),))
    event = redaction.event({"iban": "DE1", "my_iban": "DE2", "note": "case K-123", "password": "stays"})
    assert event == {"iban": MASK, "my_iban": "DE2", "note": f"case {MASK}", "password": "stays"}


def test_card_numbers_need_brand_length_and_check_digit():
    """Sixteen digits alone are no card; a number as an int is one too."""
    assert is_card_number("4111111111111111")
    assert is_card_number("378282246310005")
    assert not is_card_number("4111111111111112")
    assert not is_card_number("1111111111111117")
    assert Redaction().event({"n": 4111111111111111}) == {"n": "[redacted:card]"}


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("pass", "[redacted]"),
        ("db_pass", "[redacted]"),
        ("pin", "[redacted]"),
        ("secrets", 123456),
        ("api_keys", 123456),
    ],
)
def test_a_number_is_a_secret_unless_it_counts_several(name, shown):
    """A name that ends in an s by itself is no plural."""
    assert Redaction().event({name: 123456}) == {name: shown}


def test_no_redaction_changes_nothing():
    """For sinks that only their owner can read."""
    formatter = EventFormatter(redact=NoRedaction())
    record = logging.makeLogRecord({"msg": "password=abc123", "password": "x"})
    assert json.loads(formatter.format(record))["password"] == "x"


@given(st.text(st.sampled_from("abAB01 -_.:=/@<>\"'{}\nkeytokensecretpasswordeyJsk_AKIA?&("), max_size=60))
def test_the_quick_look_never_misses_what_the_close_look_finds(text):
    """A text that redaction changes is suspected first."""
    if redact_text(text) != text:
        assert may_hold_secret(text)


def test_each_secret_of_the_corpus_is_suspected():
    """The same over real shapes."""
    texts = [value for _key, value, _secret in [*secret_fields(), *secrets_in_lines()] if isinstance(value, str)]
    assert [text for text in texts if redact_text(text) != text and not may_hold_secret(text)] == []


def test_redacting_twice_is_redacting_once():
    """A mask is no secret."""
    for _key, value, _secret in [*secret_fields(), *secrets_in_lines()]:
        if isinstance(value, str):
            once = redact_text(value)
            assert redact_text(once) == once


def test_long_texts_take_linear_time():
    """A megabyte of almost-secrets does not stop the service."""
    for piece in [
        "eyJ",
        "password=",
        "a" * 30 + "://",
        "4111 ",
        "-----BEGIN PRIVATE KEY-----",
        "Bearer ",
        "aws key ",
        "curl ",
        "<a",
        "--",
        "cookie:a",
        "?code=",
        "KeyError: 'a1B",
        "password is ",
        "token of a ",
        "pass is a",
        "mysql -",
        "ldapsearch ",
        "digest response=",
        "set password for ",
        "('token', '",
        "cookies={a",
        "password 'a1",
        "<token a",
        "set token to '",
        "otp for a",
        "ab_token_",
        "a" * 14 + ".atlasv1.",
        "jdbc:oracle:thin:a/",
        "Private-Lines: 1 ",
        "$argon2id$",
        "token=a,",
        "response=digest ' -p to ",
    ]:
        redact_text(piece * (200_000 // len(piece)))
