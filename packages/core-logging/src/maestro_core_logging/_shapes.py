"""Secrets known by their look: tokens, keys, credentials in addresses, card numbers; wherever they stand in a text."""

from __future__ import annotations

import re
from typing import Final

MASK: Final = "[redacted]"

_NAMES: Final = (
    r"(?:pass(?:word|wd|phrase)?|pwd|(?:client|app|shared|signing|webhook)?[_-]?secret(?:[_-]?(?:access[_-]?)?key)?"
    r"|(?:access|refresh|id|auth|api|bearer|csrf|session|security|oauth)[_-]?token|token"
    r"|api[_-]?key|access[_-]?key(?![_-]?id)|account[_-]?key|private[_-]?key|encryption[_-]?key"
    r"|authorization|credentials?|sig(?:nature)?|otp|cvv2?|cvc)"
)
# What people write after such a word when they do not mean a secret.
_HARMLESS_VALUE: Final = (
    r"(?:true|false|none|null|nil|undefined|required|missing|invalid|expired|optional|empty|unset|str|string|int|bool"
    r"|bytes|ok|yes|no|changed|rotated|reset|self|os|settings|config|env|not|is|was|has|for|in|the|and|or|to|must|of|from|by|with)"
)
_WORDED: Final = re.compile(
    rf"(?P<before>(?<![A-Za-z]){_NAMES}[\"']?\s{{0,2}}(?:[=-]>|[:=])\s{{0,2}}(?:b?[\"'])?)"
    rf"(?!{_HARMLESS_VALUE}(?![\w-]))(?!(?:\w+\s+)?\[redacted)"
    r"(?P<scheme>(?:bearer|basic|token|digest)\s+)?(?P<value>(?:(?<=[\"'])[^\"'\r\n]{3,}|[^\s\"'&,;(){}<>\[\]]{3,}))",
    re.IGNORECASE | re.ASCII,
)
_BEARER: Final = re.compile(
    r"\b(?P<before>(?:bearer|basic)\s+)(?P<value>[A-Za-z0-9._~+/-]{12,}={0,2})", re.IGNORECASE | re.ASCII
)
_USERINFO: Final = re.compile(
    r"(?P<before>\b[a-z][a-z0-9+.-]{1,20}://[^\s:/?#@\"'<>]{0,128}:)(?P<value>[^\s/?#\"'<>]{1,256})(?=@[\w\[.-])",
    re.IGNORECASE | re.ASCII,
)
_TOKEN_AS_USER: Final = re.compile(
    r"(?P<before>\bhttps?://)(?P<value>[^\s/?#@:\"'<>]{12,256})(?=@[\w\[.-])", re.IGNORECASE | re.ASCII
)
_OPTION: Final = re.compile(
    rf"(?P<before>(?<!\S)--[\w-]{{0,30}}?{_NAMES}\s+[\"']?)(?!{_HARMLESS_VALUE}(?![\w-]))(?P<value>[^\s\"'\[-][^\s\"']{{2,}})",
    re.IGNORECASE | re.ASCII,
)
_CURL: Final = re.compile(
    r"(?P<before>\bcurl\b[^\n]{0,200}?\s(?:-u|--user)[ =]?[\"']?[^\s:\"']{1,64}:)(?!\[redacted)(?P<value>[^\s\"']{3,})"
)
_ELEMENT: Final = re.compile(
    rf"(?P<before><(?:\w{{1,20}}:)?[\w.-]{{0,30}}?{_NAMES}>)(?!\[redacted)(?P<value>[^<]{{3,}})(?=</)",
    re.IGNORECASE | re.ASCII,
)
_COOKIE: Final = re.compile(
    r"(?P<before>\bcookie[\"']?\s?[:=]\s?b?[\"']?)(?!\[redacted)(?P<value>[^\s\"']{1,64}=[^\r\n\"']+)",
    re.IGNORECASE | re.ASCII,
)
_HOOK: Final = re.compile(
    r"(?P<before>hooks\.slack\.com/(?:services|workflows)/|api\.telegram\.org/bot)(?P<value>[\w:/-]{10,})"
)
# OAuth's authorization code: single words and short numbers under that name are error and country codes.
_AUTHORIZATION_CODE: Final = re.compile(
    r"(?P<before>[?&;]code=)(?=[^\s&#\"'<>]{0,256}\d)(?P<value>[^\s&#\"'<>\[]{10,2048})", re.ASCII
)
# Prose: quoted, or no plain word. What is an ordinary word after "is" cannot be told from "the password is wrong".
_PROSE: Final = re.compile(
    rf"(?P<before>(?<![A-Za-z])(?:{_NAMES}|api key|pin)(?: [\w.@-]{{1,40}}){{0,3}}? (?-i:is|was|set to|changed to|reset to)(?: now)?:? )"
    r"(?P<value>(?P<quote>[\"'`])[^\s\"'`]{3,256}(?P=quote)"
    r"|(?=[^\s,;]{0,64}[A-Za-z!#$%&*@^])(?=[^\s,;]{0,64}\d)[^\s,;\[\]]{6,256}(?<![.)]))",
    re.IGNORECASE | re.ASCII,
)
_PIN_IN_PROSE: Final = re.compile(
    r"(?P<before>\b(?:password|passcode|passphrase|otp|pin|cvv2?|cvc)(?: code)? (?-i:is|was):? )(?P<value>\d{3,12})(?![\w-]|[.:]\d| \w)",
    re.IGNORECASE | re.ASCII,
)
# A key of a mapping is a secret where it looks like one made by chance: long, of all kinds of characters or a digest.
_MISSING_KEY: Final = re.compile(
    r"(?P<before>\b\w{0,40}KeyError(?:: ?|\()[bru]?[\"'])"
    r"(?P<value>[0-9a-f]{32,256}|(?=[\w+/=.~-]{0,256}\d)(?=[\w+/=.~-]{0,256}[a-z])(?=[\w+/=.~-]{0,256}[A-Z])[\w+/=.~-]{20,256})(?=[\"'])",
    re.ASCII,
)
_PEM: Final = re.compile(
    r"-----BEGIN (?P<kind>[A-Z ]*PRIVATE KEY(?: BLOCK)?)-----.*?(?:-----END (?P=kind)-----|\Z)", re.DOTALL
)
_JWT: Final = re.compile(r"(?<![\w-])eyJ[\w-]{8,}\.[\w-]{4,}(?:\.[\w-]*){1,3}")
_TOKENS: Final = re.compile(
    r"(?<![A-Za-z0-9_])(?:"
    r"(?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}(?![A-Z0-9])"  # AWS access key ids
    r"|gh[pousr]_[A-Za-z0-9]{30,255}|github_pat_\w{50,255}|glpat-[\w-]{20,}"
    r"|xox[abeoprs]-[\w-]{10,}|xapp-\d-[\w-]{10,}"
    r"|(?:sk|rk|pk)_(?:live|test)_[A-Za-z0-9]{16,}|whsec_[A-Za-z0-9]{24,}"
    r"|sk-(?:ant-|proj-|svcacct-)?[\w-]{20,}"
    r"|AIza[\w-]{35}|ya29\.[\w-]{20,}|GOCSPX-[\w-]{20,}"
    r"|SG\.[\w-]{16,}\.[\w-]{16,}|key-[0-9a-f]{32}|npm_[A-Za-z0-9]{36}|pypi-[\w-]{40,}|hf_[A-Za-z0-9]{30,}"
    r"|dop_v1_[0-9a-f]{64}|hv[sbr]\.[\w-]{20,}|dapi[0-9a-f]{32}|eyJrIjoi[\w=-]{20,}"
    r")"
)
_AWS_SECRET: Final = re.compile(
    r"(?i:aws.{0,20}?(?:secret|key).{0,20}?)[\"'=:\s](?P<value>[A-Za-z0-9/+]{40})(?![A-Za-z0-9/+=])"
)
_DIGITS: Final = re.compile(r"(?<![\w.])(?<!\d[ -])\d(?:[ -]?\d){12,18}(?![\w]|\.\d|[ -]\d)", re.ASCII)
_BRANDS: Final = re.compile(
    r"4(?:\d{12}|\d{15}|\d{18})|5[1-5]\d{14}|2(?:22[1-9]|2[3-9]\d|[3-6]\d\d|7[01]\d|720)\d{12}"
    r"|3[47]\d{13}|3(?:0[0-5]|[689]\d)\d{11}|35\d{14}|6(?:011|5\d\d|4[4-9]\d)\d{12}|62\d{14,17}"
)


def redact_text(text: str) -> str:
    """Give `text` with everything in it that looks like a secret replaced by a mask that names its kind."""
    text = _PEM.sub("[redacted:private-key]", text)
    text = _JWT.sub("[redacted:jwt]", text)
    text = _TOKENS.sub("[redacted:token]", text)
    text = _AWS_SECRET.sub(_keep_before_value, text)
    if "://" in text:
        for shape in (_USERINFO, _TOKEN_AS_USER, _HOOK):
            text = shape.sub(_keep_before, text)
    if "code=" in text:
        text = _AUTHORIZATION_CODE.sub(_keep_before, text)
    if "KeyError" in text:
        text = _MISSING_KEY.sub(_keep_before, text)
    for shape in (_PROSE, _PIN_IN_PROSE):
        text = shape.sub(_keep_before, text)
    for shape in (_COOKIE, _OPTION, _CURL, _ELEMENT):
        text = shape.sub(_keep_before, text)
    text = _WORDED.sub(_keep_before_and_scheme, text)
    text = _BEARER.sub(_keep_before, text)
    return _DIGITS.sub(_mask_card, text)


def is_card_number(digits: str) -> bool:
    """Tell whether the digits are a payment card number: a brand's prefix and length, and Luhn's check digit."""
    if not _BRANDS.fullmatch(digits):
        return False
    total = 0
    for place, digit in enumerate(reversed(digits)):
        doubled = int(digit) * (1 + place % 2)
        total += doubled - 9 if doubled > 9 else doubled
    return total % 10 == 0


def _keep_before(match: re.Match[str]) -> str:
    return f"{match['before']}{MASK}"


def _keep_before_and_scheme(match: re.Match[str]) -> str:
    return f"{match['before']}{match['scheme'] or ''}{MASK}"


def _keep_before_value(match: re.Match[str]) -> str:
    return match[0].replace(match["value"], MASK)


def _mask_card(match: re.Match[str]) -> str:
    digits = match[0].replace(" ", "").replace("-", "")
    return "[redacted:card]" if is_card_number(digits) else match[0]


# A text is suspected in two steps, so that the usual one costs a microsecond. First: all secrets above stand beside a
# mark, or have twelve characters in a row without a blank, or are long rows of digits.
_MARKS: Final = (":", "=", "<", "->", "--", "Error(", " is ", " was ", " to ")
_ROWS: Final = bytes(ord("a") if chr(b).isalnum() or chr(b) in "_.~-?" else ord(" ") for b in range(256))
_ROW: Final = b"a" * 12
_MANY_DIGITS: Final = b"0" * 13
# Then: what has none of these pieces, in lower case without blanks and hyphens and with 0 for every digit, is none.
_FOLD: Final = bytes(ord("0") if chr(b).isdigit() else ord(chr(b).lower()) for b in range(128)) + bytes(range(128, 256))
_FOLDED_AWAY: Final = b" -"
_PIECES: Final = (
    b"eyj", b"privatekey", b"akia", b"asia", b"abia", b"acca", b"ghp_", b"gho_", b"ghu_", b"ghs_", b"ghr_", b"github_pat", b"glpat",
    b"xox", b"xapp", b"_live_", b"_test_", b"whsec", b"aiza", b"ya00", b"gocspx", b"sg.", b"key", b"npm_", b"pypi", b"hf_", b"dop_v",
    b"hvs.", b"hvb.", b"hvr.", b"dapi", b"://", b"0000000000000", b"pass", b"pwd", b"secret", b"token", b"auth", b"credential",
    b"?code=", b"&code=", b";code=", b"pin", b"sig", b"otp", b"cv", b"bearer", b"basic", b"skant", b"skproj", b"sksvc", b"sk",
)  # fmt: skip


def may_hold_secret(text: str) -> bool:
    """Tell, quickly, whether a text is worth a closer look; never false for one that `redact_text` changes."""
    raw = text.encode("ascii", "replace")
    folded = raw.translate(_FOLD, _FOLDED_AWAY)
    for mark in _MARKS:
        if mark in text:
            break
    else:
        if _ROW not in raw.translate(_ROWS) and _MANY_DIGITS not in folded:
            return False
    return any(piece in folded for piece in _PIECES)
