"""A real pool of connections, watched."""

import sqlalchemy
from sqlalchemy.pool import QueuePool

from maestro_monitoring import exposition, watch_pool


def test_the_pool_of_an_engine_is_watched_with_its_own_methods(registry, tmp_path):
    """`size` and `checkedout` of SQLAlchemy's pool are what the README says to pass."""
    engine = sqlalchemy.create_engine(f"sqlite:///{tmp_path / 'orders.db'}", poolclass=QueuePool, pool_size=3)
    watch_pool("db", size=engine.pool.size, in_use=engine.pool.checkedout, registry=registry)

    def shown(state: str) -> float | None:
        exposition(None, registry)
        return registry.get_sample_value("pool_connections", {"pool": "db", "state": state})

    with engine.connect(), engine.connect():
        assert (shown("size"), shown("in_use")) == (3, 2)
    assert shown("in_use") == 0
    engine.dispose()
