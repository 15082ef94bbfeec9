import sqlite3
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config

from app.db.models import Base

ROOT = Path(__file__).parent.parent


@pytest.fixture
def config(tmp_path):
    # no file name: env.py then leaves the logging of the test run alone
    config = Config()
    config.set_main_option("script_location", str(ROOT / "alembic"))
    config.set_main_option("sqlalchemy.url", f"sqlite+aiosqlite:///{tmp_path}/ledger.db")
    return config


def columns(path):
    with sqlite3.connect(path) as db:
        tables = [row[0] for row in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {t: {c[1] for c in db.execute(f"PRAGMA table_info({t})")} for t in tables if t != "alembic_version"}


def test_migrations_build_what_the_models_say(config, tmp_path):
    command.upgrade(config, "head")
    expected = {table.name: {c.name for c in table.columns} for table in Base.metadata.sorted_tables}
    assert columns(tmp_path / "ledger.db") == expected


def test_downgrade_leaves_nothing(config, tmp_path):
    command.upgrade(config, "head")
    command.downgrade(config, "base")
    assert columns(tmp_path / "ledger.db") == {}
