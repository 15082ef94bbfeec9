"""Secrets known by their look: tokens, keys, credentials in addresses, card numbers; wherever they stand in a text."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

MASK: Final = "[redacted]"

_NAMES: Final = (
    r"(?:pass(?:word|wd|phrase)?|pwd|(?:client|app|shared|signing|webhook)?[_-]?secret(?:[_-]?(?:access[_-]?)?key)?"
    r"|(?:access|refresh|id|auth|api|bearer|csrf|session|security|oauth)[_-]?token|token"
    r"|api[_-]?key|access[_-]?key(?![_-]?id)|account[_-]?key|(?:private|encryption|signing|shared|master|hmac|session|fernet)[_-]?key"
    r"|authorization|credentials?|sig(?:nature)?|otp|cvv2?|cvc)"
)
# Where such a name may begin: `PGPASSWORD` and `dbSecret` do, `monkeypatch` does not.
_BEGINS: Final = r"(?:(?<![A-Za-z])|(?<=%[0-9A-F]{2})|(?-i:(?<=[a-z])(?=[A-Z]))|(?=passw|passphrase|secret|api_?key))"
_ENDS: Final = r"(?:[_-]?(?:\d|base|value|hash|plain|str(?:ing)?|text|confirm(?:ation)?))?"
# What people write after such a word when they do not mean a secret.
_HARMLESS_VALUE: Final = (
    r"(?:true|false|none|null|nil|undefined|required|missing|invalid|expired|optional|empty|unset|str|string|int|bool"
    r"|bytes|ok|yes|no|changed|rotated|reset|self|os|settings|config|env|not|is|was|has|for|in|the|and|or|to|must|of|from|by|with)"
)
_WORDED: Final = re.compile(
    rf"(?P<before>{_BEGINS}{_NAMES}{_ENDS}\\{{0,7}}[\"']?\]?\s{{0,2}}(?:[=-]>|[:=]|%3[AD])\s{{0,2}}(?:b?\\{{0,7}}[\"'])?)"
    rf"(?!{_HARMLESS_VALUE}(?![\w-]))(?!(?:\w+\s+)?\[redacted)"
    r"(?P<scheme>(?:bearer|basic|token|digest|negotiate|ntlm|ssws|apikey|dpop|hmac)\s+)?(?P<value>(?:(?<=[\"'])(?:[^\"'\r\n\\]|\\+(?![\"'\\])){3,}|(?:[^\s\"'&,;(){}<>\[\]]|,(?![\s\"'{}\[\]()]|[\w.-]{1,64}\s?[=:])){3,}))",
    re.IGNORECASE | re.ASCII,
)
# An ordinary word is not meant: "basic authentication failed".
_BEARER: Final = re.compile(
    r"\b(?P<before>(?:bearer|basic|ssws|auth plain|auth login)\s+)"
    r"(?!(?-i:[A-Za-z][a-z-]+)(?:tions?|it(?:y|ies)|ments?|ings?|ance|ware|ness)(?![\w~+=-]))(?P<value>[A-Za-z0-9._~+/-]{12,}={0,2})",
    re.IGNORECASE | re.ASCII,
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
_SHORT_OPTION: Final = re.compile(
    r"(?P<before>\b(?:(?:mysql|mariadb)\w{0,20}\b[^\n]{0,200}?\s-p|(?:sshpass|(?:docker|podman|registry) login)\b[^\n]{0,200}?\s-p\s?"
    r"|ldap\w{1,10}\b[^\n]{0,200}?\s-w\s?|redis-cli\b[^\n]{0,200}?\s-a\s?)[\"']?)"
    r"(?!\[redacted)(?P<value>[^\s\"'-][^\s\"']{2,})"
)
_ELEMENT: Final = re.compile(
    rf"(?P<before><(?:\w{{1,20}}:)?[\w.-]{{0,30}}?{_NAMES}(?:\s[^<>]{{0,200}})?>)(?!\[redacted)(?P<value>[^<]{{3,}})(?=</)",
    re.IGNORECASE | re.ASCII,
)
_COOKIE: Final = re.compile(
    r"(?P<before>\bcookies?[\"']?\s?[:=]\s?b?[\"']?)(?!\[redacted)(?P<value>[^\s\"'{]{1,64}=[^\r\n\"']+|\{[^{}\r\n]{3,4096}\})",
    re.IGNORECASE | re.ASCII,
)
_HOOK: Final = re.compile(
    r"(?P<before>hooks\.slack\.com/(?:services|workflows)/|api\.telegram\.org/bot|discord(?:app)?\.com/api/webhooks/)(?P<value>[\w:/-]{10,})"
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
    r"(?P<before>\b(?:(?:password|passcode|passphrase|otp|pin|cvv2?|cvc)(?: code)?(?: for [\w.@+-]{1,64})?"
    r"|(?:verification|confirmation|security|login|2fa|mfa|sms|one-time|recovery) code(?: for [\w.@+-]{1,64})?)(?: (?:is|was):?|:) |(?<![\w-])(?:pin|ssn|passcode)=[\"']?)"
    r"(?P<value>\d{3,12})(?![\w-]|[.:]\d| \w)",
    re.IGNORECASE | re.ASCII,
)
# Quoted beside its name, where it looks like one made by chance; "unexpected token 'x1'" is a parser's.
_QUOTED: Final = re.compile(
    rf"(?P<before>(?:{_BEGINS}{_NAMES}:? (?P<quote>[\"'`])(?=[\w.~-]{{12}})|\b(?:password|passphrase|passwd|secret):? (?P<other>[\"'`])))"
    r"(?=[^\s\"'`]{0,256}\d)(?=[^\s\"'`]{0,256}[A-Za-z])(?P<value>[^\s\"'`]{4,256})(?=[\"'`])",
    re.IGNORECASE | re.ASCII,
)
_SQL: Final = re.compile(
    r"(?P<before>\b(?:with password|identified by|set password for [^\s=]{1,80} =) ')(?!\[redacted)(?P<value>[^'\n]{3,256})(?=')",
    re.IGNORECASE,
)
# A header or a form's field printed as a pair: `('authorization', 'Bearer …')`.
_PAIR: Final = re.compile(
    rf"(?P<before>\(b?[\"'](?:[\w-]{{1,30}}[_-])?{_NAMES}{_ENDS}[\"'], b?(?P<quote>[\"']))(?!\[redacted)(?P<value>[^\"'\n]{{3,4096}})(?=(?P=quote)\))",
    re.IGNORECASE | re.ASCII,
)
# A command's words, printed as a list.
_LISTED_OPTION: Final = re.compile(
    rf"(?P<before>[\"']--[\w-]{{0,30}}?{_NAMES}[\"'], ?(?P<quote>[\"']))(?!\[redacted)(?P<value>[^\"'\n]{{3,4096}})(?=(?P=quote))",
    re.IGNORECASE | re.ASCII,
)
# What Pydantic says of a value that it refuses: the field's path on one line, the value on the next.
_REFUSED: Final = re.compile(
    rf"(?P<before>(?:^|\n)(?:[\w-]{{1,64}}\.){{0,8}}\w{{0,40}}?{_BEGINS}{_NAMES}{_ENDS}(?:\.[\w-]{{1,64}}){{0,4}}\n  [^\n]{{1,400}}?\binput_value=)"
    r"(?!['\"]?\[redacted)(?P<value>[^\n]{1,400}?)(?=, input_type=)",
    re.IGNORECASE | re.ASCII,
)
_NUMBER: Final = re.compile(
    r"(?P<before>[\"'](?:pin|pan|ssn|passcode|card_?number)[\"']\s?:\s?[\"']?)(?P<value>\d[\d -]{2,30})",
    re.IGNORECASE | re.ASCII,
)
_CHANGED: Final = re.compile(
    rf"(?P<before>\b(?:changed|set|reset|updated) (?:the |your |my )?{_NAMES} to )(?P<value>(?P<quote>[\"'`])[^\"'`\n]{{3,256}}(?P=quote))",
    re.IGNORECASE | re.ASCII,
)
_DIGEST: Final = re.compile(
    r"(?i:(?P<before>\bdigest\b[^\n]{0,400}?\bresponse=[\"']?))(?P<value>[0-9a-f]{32,128})", re.ASCII
)
_ORACLE: Final = re.compile(
    r"(?P<before>\bjdbc:oracle:\w{1,10}:[\w.$-]{1,64}/)(?P<value>[^\s@\[]{1,256})(?=@)", re.ASCII
)
# A key of a mapping is a secret where it looks like one made by chance: long, of all kinds of characters or a digest.
_MISSING_KEY: Final = re.compile(
    r"(?P<before>\b\w{0,40}KeyError(?:: ?|\()[bru]?[\"'])"
    r"(?P<value>[0-9a-f]{32,256}|(?=[\w+/=.~-]{0,256}\d)(?=[\w+/=.~-]{0,256}[a-z])(?=[\w+/=.~-]{0,256}[A-Z])[\w+/=.~-]{20,256})(?=[\"'])",
    re.ASCII,
)
_PEM: Final = re.compile(
    r"-----BEGIN (?P<kind>[A-Z ]*PRIVATE KEY(?: BLOCK)?)-----.*?(?:-----END (?P=kind)-----|\Z)"
    r"|Private-Lines: \d+\s+[A-Za-z0-9+/=\s]{10,}",  # PuTTY's
    re.DOTALL,
)
_JWT: Final = re.compile(r"(?<![\w-])eyJ[\w-]{8,}\.[\w-]{4,}(?:\.[\w-]*){1,3}")
_TOKENS: Final = re.compile(
    r"(?<![A-Za-z0-9_])(?:"
    r"(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}(?![A-Z0-9])"  # AWS access key ids
    r"|gh[pousr]_[A-Za-z0-9]{30,255}|github_pat_\w{50,255}|glpat-[\w-]{20,}"
    r"|xox[abeoprs]-[\w-]{10,}|xapp-\d-[\w-]{10,}"
    r"|(?:sk|rk|pk)_(?:live|test)_[A-Za-z0-9]{16,}|whsec_[A-Za-z0-9]{24,}"
    r"|sk-(?:ant-|proj-|svcacct-)?[\w-]{20,}"
    r"|AIza[\w-]{35}|ya29\.[\w-]{20,}|GOCSPX-[\w-]{20,}"
    r"|SG\.[\w-]{16,}\.[\w-]{16,}|key-[0-9a-z]{32}|npm_[A-Za-z0-9]{36}|pypi-[\w-]{40,}|hf_[A-Za-z0-9]{30,}"
    r"|dop_v1_[0-9a-f]{64}|hv[sbr]\.[\w-]{20,}|dapi[0-9a-f]{32}|eyJrIjoi[\w=-]{20,}"
    r"|gl(?:rt|dt|sa|ft|ptt|cbt|oas|soat|imt|agent)-[\w-]{20,}|glsa_\w{32,}|shp(?:at|ss|ca|pa)_[0-9a-f]{32}|AGE-SECRET-KEY-1[0-9A-Z]{50,}"
    r"|do[or]_v1_[0-9a-f]{64}|gsk_[A-Za-z0-9]{40,}|r8_[A-Za-z0-9]{37}|ntn_[A-Za-z0-9]{40,}|sntrys_[\w=+/]{40,}|sbp_[0-9a-f]{40}|figd_[\w-]{30,}"
    r"|rubygems_[0-9a-f]{48}|sq0(?:atp|csp)-[\w-]{22,}|xkeysib-[0-9a-f]{60,}[\w-]*|(?:NRAK|PMAK|ATATT3x)[\w=-]{20,}|1//0[\w-]{20,}|sq[uap]_[0-9a-f]{40}|\w{14}\.atlasv1\.[\w-]{40,}"
    r"|SCRAM-SHA-\d{1,3}\$\d+:[^\s\"']{4,512}|pbkdf2[_:]\w{2,10}\$\d+\$[^\s\"']{10,512}"  # passwords' hashes
    r"|[\w~.]{3}\dQ~[\w~.-]{31,34}|\d{8,10}:AA[\w-]{33}|[0-9a-f]{36}NRAL|dp\.(?:pt|st|ct|sa|scim|audit)\.[\w.-]{40,}"
    r"|phx_\w{40,}|sb_secret_[\w-]{20,}|pscale_(?:pw|oauth)_[\w-]{32,}|EAA[A-Za-z0-9]{60,}"
    r"|scrypt:\d+:\d+:\d+\$[^\s\"']{10,512}"
    r"|[a-z0-9]{2,10}_(?:pat|tkn|token|key|api|live|oauth)_(?=\w*\d)(?=\w*[A-Z])[\w-]{20,}"
    r")"
)
_HASHES: Final = re.compile(
    r"\$argon2(?:id|i|d)\$[\w$+/=,.]{20,512}|\$2[abxy]\$\d\d\$[./A-Za-z0-9]{53}|\$(?:apr1|[156y])\$[\w$./=,]{20,256}"
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
    if "$" in text:
        text = _HASHES.sub("[redacted:hash]", text)
    text = _AWS_SECRET.sub(_keep_before_value, text)
    if "://" in text:
        for shape in (_USERINFO, _TOKEN_AS_USER, _HOOK):
            text = shape.sub(_keep_before, text)
    if "code=" in text:
        text = _AUTHORIZATION_CODE.sub(_keep_before, text)
    if "KeyError" in text:
        text = _MISSING_KEY.sub(_keep_before, text)
    if "'" in text or '"' in text or "`" in text:
        for shape in (_QUOTED, _SQL, _PAIR, _LISTED_OPTION, _NUMBER):
            text = shape.sub(_keep_before, text)
    if "input_value=" in text:
        text = _REFUSED.sub(_keep_before, text)
    if " to " in text:
        text = _CHANGED.sub(_keep_before, text)
    if "esponse=" in text:
        text = _DIGEST.sub(_keep_before, text)
    if "jdbc:" in text:
        text = _ORACLE.sub(_keep_before, text)
    if " -" in text or text.startswith("-"):
        for shape in (_OPTION, _CURL, _SHORT_OPTION):
            text = shape.sub(_keep_before, text)
    for shape in (_PROSE, _PIN_IN_PROSE, _COOKIE, _ELEMENT):
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


# A text is suspected in two steps, so that the usual one costs a microsecond. First: all secrets above have one of these
# pieces, in lower case without blanks and hyphens and with 0 for every digit.
_FOLD: Final = bytes(ord("0") if chr(b).isdigit() else ord(chr(b).lower()) for b in range(128)) + bytes(range(128, 256))
_FOLDED_AWAY: Final = b" -"
_PIECES: Final = (
    "eyj", "privatekey", "akia", "asia", "abia", "acca", "ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat", "glpat",
    "xox", "xapp", "_live_", "_test_", "whsec", "aiza", "ya00", "gocspx", "sg.", "key", "npm_", "pypi", "hf_", "dop_v",
    "hvs.", "hvb.", "hvr.", "dapi", "://", "0000000000000", "pass", "pwd", "secret", "token", "auth", "credential",
    "?code=", "&code=", ";code=", "pin", "sig", "otp", "cv", "bearer", "basic", "skant", "skproj", "sksvc", "sk",
    "cookie", "code", "glrt", "gldt", "glsa", "glft", "glptt", "glcbt", "gloas", "glsoat", "glimt", "glagent", "shp", "doo_v", "dor_v",
    "r0_", "ntn_", "sntrys", "sbp_", "figd_", "rubygems", "sq0", "nrak", "pmak", "atatt", "0//0", "_pat_", "_tkn_", "_api_", "_oauth_",
    "squ_", "sqa_", "sqp_", "atlasv0", "identifiedby", "jdbc:", "pan", "ssn", "cardnumber", "card_number", "ldap", "rediscli",
    "response=", "privatelines", "scram", "pbkdf0", "$argon0", "$0", "$apr0$", "$y$", "scrypt:", "0q~", "0:aa", "nral", "dp.", "phx_", "pscale",
    "eaa",
    "mysql", "mariadb", "login",
)  # fmt: skip


def _any_of(words: Iterable[str]) -> str:
    """Give a pattern for any of some words that reads each letter once: ten times as fast as trying one word after the other."""
    rest: dict[str, list[str]] = {}
    for word in words:
        rest.setdefault(word[:1], []).append(word[1:])
    if "" in rest:
        return ""
    return "(?:" + "|".join(re.escape(first) + _any_of(rests) for first, rests in rest.items()) + ")"


_HAS_PIECE: Final = re.compile(_any_of(_PIECES).encode())
# Then: besides, they all stand beside a mark, or have twelve characters in a row without a blank, or are long rows of digits.
_MARK: Final = re.compile("[:=<]|%3|->|--| -[pwa]| ['\"`]|Error\\(| (?:is|was|to) ")
_ROWS: Final = bytes(ord("a") if chr(b).isalnum() or chr(b) in "_.~-?" else ord(" ") for b in range(256))
_ROW: Final = b"a" * 12
_MANY_DIGITS: Final = b"0" * 13


def may_hold_secret(text: str) -> bool:
    """Tell, quickly, whether a text is worth a closer look; never false for one that `redact_text` changes."""
    raw = text.encode("ascii", "replace")
    folded = raw.translate(_FOLD, _FOLDED_AWAY)
    if not _HAS_PIECE.search(folded):
        return False
    return _MARK.search(text) is not None or _ROW in raw.translate(_ROWS) or _MANY_DIGITS in folded
