"""
The settings of a small service, and what is generated from the class. In the service's CI:

    maestro config schema settings:Settings --check settings.schema.json
    maestro config docs settings:Settings --check settings.md
    maestro config docs settings:Settings --format env --check .env.example
    maestro config docs settings:Settings --format kubernetes --name orders --check kubernetes.yaml

Each exits 1 when the file no longer says what the class says; `--output` in the place of `--check` writes it.
"""

from pydantic import Field, PostgresDsn, SecretStr

from maestro_core_config import BaseConfig, ConfigDict, boolean, env, secret


class Pool(BaseConfig):
    """Connections to the database."""

    size: int = Field(5, ge=1, description="Connections kept open")
    timeout_s: float = Field(2.5, gt=0, description="Seconds to wait for one")


class Settings(BaseConfig):
    """What the orders service can be told."""

    model_config = ConfigDict(
        env_prefix="ORDERS_",
        env_nested_delimiter="__",
        files=("?orders.toml", "?orders.{environment}.toml"),
        unknown_names="refuse",
    )
    database_url: PostgresDsn = Field(description="Where the orders are")
    pool: Pool = Pool()
    page_size: int = Field(20, ge=1, le=200, description="Orders on a page")
    api_key: SecretStr = Field(SecretStr(""), description="For the payment provider")
    debug: bool = env("DEBUG", "false", parse=boolean, description="Read at every access")
    signing_key: str | None = secret("SIGNING_KEY", None, description="Of the links in mails")
