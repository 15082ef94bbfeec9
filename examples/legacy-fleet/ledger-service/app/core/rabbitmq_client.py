import json
from typing import Any

import aio_pika
from loguru import logger
from prometheus_client import Counter

from app.core.config import get_settings

_metrics: dict[str, Counter] = {}


def _published() -> Counter:
    # created on first use: this module is reloaded by the worker's autoreloader
    if "published" not in _metrics:
        _metrics["published"] = Counter("ledger_events_published_total", "Events sent to RabbitMQ", ["routing_key"])
    return _metrics["published"]


class RabbitMQClient:
    """Publishes ledger events; a broker outage never fails a posting."""

    def __init__(self, uri: str, exchange_name: str) -> None:
        self.uri = uri
        self.exchange_name = exchange_name
        self.connection = None
        self.exchange = None
        self._logger = logger.bind(component="rabbitmq", exchange=exchange_name)

    @property
    def is_connected(self) -> bool:
        return self.connection is not None and not self.connection.is_closed

    async def connect(self) -> None:
        self._logger.info("Connecting to RabbitMQ", event="rabbitmq_connect", status="started")
        self.connection = await aio_pika.connect_robust(self.uri)
        channel = await self.connection.channel()
        self.exchange = await channel.declare_exchange(self.exchange_name, aio_pika.ExchangeType.TOPIC, durable=True)
        self._logger.info("Connected to RabbitMQ", event="rabbitmq_connect", status="done")

    async def publish(self, routing_key: str, body: dict[str, Any]) -> bool:
        if self.exchange is None:
            self._logger.warning("Not connected, dropping event {}", routing_key)
            return False
        message = aio_pika.Message(
            body=json.dumps(body, default=str).encode(),
            content_type="application/json",
            delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
        )
        try:
            await self.exchange.publish(message, routing_key=routing_key)
        except Exception:
            self._logger.exception("Publishing {routing_key} failed", routing_key=routing_key)
            return False
        _published().labels(routing_key=routing_key).inc()
        self._logger.debug(f"Published {routing_key} ({len(message.body)} bytes)")
        return True

    async def close(self) -> None:
        if self.connection is not None:
            await self.connection.close()
            self._logger.info("RabbitMQ connection closed")
        self.connection = self.exchange = None


def build_client() -> RabbitMQClient:
    settings = get_settings()
    return RabbitMQClient(settings.RABBITMQ_URI, settings.RABBITMQ_EXCHANGE)
