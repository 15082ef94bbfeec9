"""What type checkers see; checked by `test_typing.py`, not run."""

from typing import Any, assert_type

from pydantic import SecretStr

from maestro_core_config import (
    BaseConfig,
    Change,
    ConfigDict,
    Converter,
    Explanation,
    env,
    explain,
    load,
    loads,
    lower_equals,
    on_change,
    reload,
    secret,
    split,
)


class Settings(BaseConfig):
    """Annotated fields take the declarations without complaint."""

    model_config = ConfigDict(env_prefix="X_", files=("a.toml",), unknown_names="refuse")
    port: int = env("PORT", "8000", parse=int)
    debug: bool = env("DEBUG", "false", parse=lower_equals("true"))
    tags: list[str] = env("TAGS", "", parse=split(","))
    region: str | None = env("REGION", None)
    role: str = env("ROLE_ARN")
    accounts: dict[str, int] = env("ACCOUNTS", "{}", parse=loads)
    cache: int | str = env("CACHE_TTL", 60)
    chained: str = env("A", "x", fallback="B")
    either: str | None = env("A", fallback=env("B", None), empty_is_missing=True)
    key: SecretStr = SecretStr("")
    token: str = secret("TOKEN")


assert_type(env("A"), str)
assert_type(env("A", None), str | None)
assert_type(env("A", 60), str | int)
assert_type(env("A", "1", parse=int), int)
assert_type(lower_equals("x"), Converter[bool])
settings = load(Settings, port=1)
assert_type(settings, Settings)
assert_type(settings.port, int)
assert_type(explain(settings)["port"], Explanation)
assert_type(reload(settings), tuple[Change[Any], ...])


@on_change(settings, "port")
def changed(change: Change[int]) -> None:
    """A typed subscriber."""
    assert_type(change.new, int)


number: int = env("A")  # type: ignore[assignment]  # without a parser the text stays text
