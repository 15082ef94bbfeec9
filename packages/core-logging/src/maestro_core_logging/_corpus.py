"""Seeded corpora: a thousand secrets as people log them, and ordinary lines that only look busy."""

from __future__ import annotations

import base64
import json
import random
import string
from collections.abc import Callable

Field = tuple[str, object]
ALNUM = string.ascii_letters + string.digits
UPPER32 = string.ascii_uppercase + "234567"


def text_of(random_: random.Random, alphabet: str, length: int) -> str:
    """Give random text."""
    return "".join(random_.choices(alphabet, k=length))


def jwt(r: random.Random) -> str:
    """Give a signed token's three parts."""
    head = base64.urlsafe_b64encode(json.dumps({"alg": "HS256", "typ": "JWT"}).encode()).decode().rstrip("=")
    body = base64.urlsafe_b64encode(json.dumps({"sub": r.randrange(10**9)}).encode()).decode().rstrip("=")
    return f"{head}.{body}.{text_of(r, ALNUM + '-_', 43)}"


def pem(r: random.Random) -> str:
    """Give a private key's armour."""
    kind = r.choice(
        ["RSA PRIVATE KEY", "PRIVATE KEY", "EC PRIVATE KEY", "OPENSSH PRIVATE KEY", "ENCRYPTED PRIVATE KEY"]
    )
    lines = "\n".join(text_of(r, ALNUM + "+/", 64) for _ in range(r.randrange(3, 8)))
    return f"-----BEGIN {kind}-----\n{lines}\n-----END {kind}-----"


def card(r: random.Random) -> str:
    """Give a payment card's number with its check digit, in one of three spellings."""
    prefix, length = r.choice(
        [("4", 16), ("5" + r.choice("12345"), 16), ("34", 15), ("37", 15), ("6011", 16), ("2221", 16)]
    )
    digits = prefix + text_of(r, string.digits, length - len(prefix) - 1)
    total = sum(sum(divmod(int(d) * (2 if place % 2 == 0 else 1), 10)) for place, d in enumerate(reversed(digits)))
    digits += str(-total % 10)
    separator = r.choice(["", " ", "-"])
    return separator.join(digits[i : i + 4] for i in range(0, length, 4)) if length == 16 else digits


TOKENS: list[Callable[[random.Random], str]] = [
    jwt,
    card,
    lambda r: r.choice(["AKIA", "ASIA"]) + text_of(r, UPPER32, 16),
    lambda r: r.choice(["ghp_", "gho_", "ghs_", "ghu_"]) + text_of(r, ALNUM, 36),
    lambda r: "github_pat_" + text_of(r, ALNUM + "_", 82),
    lambda r: "glpat-" + text_of(r, ALNUM, 20),
    lambda r: "xoxb-" + text_of(r, string.digits, 12) + "-" + text_of(r, ALNUM, 24),
    lambda r: r.choice(["sk_live_", "rk_live_", "sk_test_"]) + text_of(r, ALNUM, 24),
    lambda r: r.choice(["sk-", "sk-proj-", "sk-ant-"]) + text_of(r, ALNUM, 48),
    lambda r: "AIza" + text_of(r, ALNUM + "-_", 35),
    lambda r: "ya29." + text_of(r, ALNUM + "-_", 60),
    lambda r: "SG." + text_of(r, ALNUM, 22) + "." + text_of(r, ALNUM, 43),
    lambda r: "npm_" + text_of(r, ALNUM, 36),
    lambda r: "hvs." + text_of(r, ALNUM, 90),
    lambda r: "hf_" + text_of(r, ALNUM, 34),
]
SENTENCES = [
    "calling the API with {}",
    "got {} from the vault",
    "{}",
    "request failed, credential was ({})",
    'header "{}" refused',
    "retry 3/5: {} expired?",
    "<{}>",
]
KEYS = [
    "password",
    "user_password",
    "db_password",
    "Password",
    "PASSWORD",
    "passwd",
    "pwd",
    "passphrase",
    "secret",
    "client_secret",
    "clientSecret",
    "SECRET_KEY",
    "api_key",
    "apiKey",
    "X-Api-Key",
    "x_api_key",
    "access_token",
    "accessToken",
    "refresh_token",
    "id_token",
    "token",
    "auth_token",
    "Authorization",
    "authorization",
    "Cookie",
    "Set-Cookie",
    "cookie",
    "private_key",
    "aws_secret_access_key",
    "otp",
    "cvv",
    "card_number",
    "ssn",
    "pin",
    "credentials",
    "signing_key",
    "connection_string",
    "csrf_token",
    "jwt",
]


def in_a_sentence(r: random.Random) -> tuple[Field, str]:
    """A token of known shape anywhere in a text."""
    secret = r.choice(TOKENS)(r)
    return ("note", r.choice(SENTENCES).format(secret)), secret


def under_a_key(r: random.Random) -> tuple[Field, str]:
    """A value without shape under a telling name, sometimes nested."""
    secret = text_of(r, ALNUM + "!$*", r.randrange(6, 24))
    key = r.choice(KEYS)
    return (
        r.choice([(key, secret), ("payload", {"user": "ann", key: secret}), ("items", [{"deep": {key: secret}}])]),
        secret,
    )


def in_a_pair(r: random.Random) -> tuple[Field, str]:
    """A value without shape beside a telling name, inside a text."""
    secret = text_of(r, ALNUM, r.randrange(8, 24))
    key = r.choice(
        [
            "password",
            "passwd",
            "pwd",
            "secret",
            "client_secret",
            "api_key",
            "apikey",
            "access_token",
            "token",
            "refresh_token",
        ]
    )
    form = r.choice(
        [
            "{}={}", "login {}={} ok", '{{"{}": "{}"}}', "{}: {}", "?{}={}&page=2", "{{'{}': '{}'}}", "{} = '{}'",
            "POST body {}={}&user=ann",
        ]
    )  # fmt: skip
    return ("note", form.format(key, secret)), secret


def in_an_address(r: random.Random) -> tuple[Field, str]:
    """A password in an address."""
    secret = text_of(r, ALNUM + "!$%", r.randrange(6, 24))
    scheme = r.choice(["postgresql", "postgresql+asyncpg", "redis", "amqp", "mysql", "https", "mongodb+srv"])
    user = r.choice(["app", "", "svc-user"])
    return ("note", f"connecting to {scheme}://{user}:{secret}@db.internal:5432/app?x=1"), secret


def in_a_header(r: random.Random) -> tuple[Field, str]:
    """A header printed as text."""
    secret = text_of(r, ALNUM + "-_", r.randrange(20, 60))
    form = r.choice(
        [
            "Authorization: Bearer {}",
            "authorization=Basic {}",
            "sent Bearer {} to upstream",
            "{{'Authorization': 'Bearer {}'}}",
        ]
    )
    return ("note", form.format(secret)), secret


def as_a_key_block(r: random.Random) -> tuple[Field, str]:
    """A private key."""
    secret = pem(r)
    return ("note", f"loaded {secret}"), secret.splitlines()[1]


def secrets(count: int = 1_000, seed: int = 20_261_122) -> list[tuple[Field, str]]:
    """Give fields that hold secrets, each with the text that must not be seen."""
    r = random.Random(seed)  # noqa: S311  # repeatable on purpose, and no real secret
    makers = [
        in_a_sentence,
        in_a_sentence,
        in_a_sentence,
        under_a_key,
        under_a_key,
        in_a_pair,
        in_an_address,
        in_a_header,
        as_a_key_block,
    ]
    return [makers[number % len(makers)](r) for number in range(count)]


def _uuid(r: random.Random) -> str:
    h = text_of(r, "0123456789abcdef", 32)
    return f"{h[:8]}-{h[8:12]}-{h[12:16]}-{h[16:20]}-{h[20:]}"


ORDINARY: list[Callable[[random.Random], Field]] = [
    lambda r: ("request_id", _uuid(r)),
    lambda r: ("trace_id", text_of(r, "0123456789abcdef", 32)),
    lambda r: ("path", f"/v1/orders/{r.randrange(10**9)}/items?page={r.randrange(9)}&sort=-created_at"),
    lambda r: ("note", f"GET /v1/tokens/{r.randrange(99)} 200 in {r.random() * 99:.3f} ms"),
    lambda r: ("note", f"user {r.randrange(10**6)} changed the password policy to level {r.randrange(5)}"),
    lambda r: ("note", f"password reset mail sent to user {r.randrange(10**6)}"),
    lambda r: ("note", f"token expired {r.randrange(900)} s ago, refreshing"),
    lambda r: ("note", f"secret store reachable at https://vault.internal:8200/v1/kv (attempt {r.randrange(9)})"),
    lambda r: ("total_tokens", r.randrange(10**5)),
    lambda r: ("max_tokens", r.randrange(10**4)),
    lambda r: ("token_type", r.choice(["access", "refresh"])),
    lambda r: ("token_count", r.randrange(10**4)),
    lambda r: ("has_password", r.choice([True, False])),
    lambda r: ("password_changed_at", f"2026-0{r.randrange(1, 9)}-11T10:00:00Z"),
    lambda r: ("created_ms", 1_700_000_000_000 + r.randrange(10**10)),
    lambda r: ("created_ns", 1_700_000_000_000_000_000 + r.randrange(10**15)),
    lambda r: ("order_number", f"ORD-2026-{r.randrange(10**8):08d}"),
    lambda r: ("offset", r.randrange(10**15)),
    lambda r: ("sha256", text_of(r, "0123456789abcdef", 64)),
    lambda r: ("image", f"registry.internal/team/app:{text_of(r, '0123456789abcdef', 12)}"),
    lambda r: ("note", f"wrote s3://bucket-{r.randrange(99)}/2026/11/22/part-{r.randrange(10**5):05d}.parquet"),
    lambda r: ("url", f"http://user-service.svc:8080/users/{r.randrange(10**6)}?expand=basic"),
    lambda r: ("email", f"ann.{r.randrange(999)}@example.com"),
    lambda r: ("ip", f"10.{r.randrange(255)}.{r.randrange(255)}.{r.randrange(255)}"),
    lambda r: ("note", f"partition {r.randrange(12)} offset {r.randrange(10**9)} lag {r.randrange(10**4)}"),
    lambda r: ("phone", f"+49 30 {r.randrange(10**6, 10**7)}"),
    lambda r: ("note", f"worker pid {r.randrange(10**5)} exited with code {r.randrange(9)}; asia-east{r.randrange(9)}"),
    lambda r: ("keyboard", r.choice(["qwerty", "dvorak"])),
    lambda r: ("author", f"author-{r.randrange(99)}"),
    lambda r: ("authorized", r.choice([True, False])),
    lambda r: ("note", f"cache key users:{r.randrange(10**6)}:profile missed, key_version={r.randrange(9)}"),
    lambda _r: ("exception", 'File "/app/auth/tokens.py", line 12, in verify_token\n    raise TokenExpired(token_id)'),
    lambda r: ("duration_s", r.random()),
    lambda r: ("note", f"monkeypatch applied to {r.randrange(9)} keys, signature ok"),
    lambda r: ("note", f"query on users took {r.randrange(10**6)} us, plan: index scan using users_pkey"),
    lambda r: ("note", f"feature pin-to-top enabled for group {r.randrange(99)}"),
    lambda r: ("version", f"3.{r.randrange(20)}.{r.randrange(20)}+build.{r.randrange(10**6)}"),
    lambda r: ("isbn", f"978{r.randrange(10**9, 10**10)}"),
]


def ordinary(count: int = 4_000, seed: int = 20_261_122) -> list[Field]:
    """Give fields that hold no secret."""
    r = random.Random(seed)  # noqa: S311  # repeatable on purpose, and no real secret
    return [ORDINARY[number % len(ORDINARY)](r) for number in range(count)]
