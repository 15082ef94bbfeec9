import importlib
from unittest.mock import AsyncMock, MagicMock, patch

import pytest
from prometheus_client import REGISTRY

from app.core import rabbitmq_client
from app.core.rabbitmq_client import RabbitMQClient, build_client


@pytest.fixture
def exchange():
    return AsyncMock()


@pytest.fixture
def connect(exchange):
    channel = AsyncMock()
    channel.declare_exchange.return_value = exchange
    connection = AsyncMock(is_closed=False)
    connection.channel.return_value = channel
    with patch("app.core.rabbitmq_client.aio_pika.connect_robust", AsyncMock(return_value=connection)) as mock:
        yield mock


async def test_connect_declares_the_exchange(connect):
    client = RabbitMQClient("amqp://rabbit/", "ledger.events")
    assert not client.is_connected
    await client.connect()
    assert client.is_connected
    connect.assert_awaited_once_with("amqp://rabbit/")
    channel = connect.return_value.channel.return_value
    assert channel.declare_exchange.await_args.args[0] == "ledger.events"


async def test_publish_sends_json_and_counts(connect, exchange):
    client = RabbitMQClient("amqp://rabbit/", "ledger.events")
    await client.connect()
    labels = {"routing_key": "entry.posted"}
    before = REGISTRY.get_sample_value("ledger_events_published_total", labels) or 0
    assert await client.publish("entry.posted", {"entry_id": 7})
    message = exchange.publish.await_args.args[0]
    assert message.body == b'{"entry_id": 7}'
    assert exchange.publish.await_args.kwargs == {"routing_key": "entry.posted"}
    assert REGISTRY.get_sample_value("ledger_events_published_total", labels) == before + 1


async def test_publish_failure_is_swallowed_and_logged(connect, exchange, logs):
    exchange.publish.side_effect = ConnectionError("gone")
    client = RabbitMQClient("amqp://rabbit/", "ledger.events")
    await client.connect()
    assert not await client.publish("entry.posted", {})
    record = next(r for r in logs if r["message"] == "Publishing entry.posted failed")
    assert record["exception"].type is ConnectionError
    assert record["extra"]["component"] == "rabbitmq"


async def test_publish_before_connect_drops(logs):
    client = RabbitMQClient("amqp://rabbit/", "ledger.events")
    assert not await client.publish("entry.posted", {})
    assert "Not connected, dropping event entry.posted" in [r["message"] for r in logs]


async def test_close(connect):
    client = RabbitMQClient("amqp://rabbit/", "ledger.events")
    await client.connect()
    await client.close()
    connect.return_value.close.assert_awaited_once()
    assert not client.is_connected


def test_client_is_built_from_settings():
    settings = MagicMock(RABBITMQ_URI="amqp://rabbit/", RABBITMQ_EXCHANGE="books")
    with patch("app.core.rabbitmq_client.get_settings", return_value=settings):
        client = build_client()
    assert (client.uri, client.exchange_name) == ("amqp://rabbit/", "books")


async def test_counter_survives_a_second_import(connect):
    counters = dict(rabbitmq_client._metrics) or {"published": rabbitmq_client._published()}
    module = importlib.reload(rabbitmq_client)
    module._metrics.update(counters)
    assert module._published() is counters["published"]
