"""Tells the rest of the shop what happened to an order."""

import json
import logging
import threading
from datetime import datetime, timezone

import pika
from pika.exceptions import AMQPError

from orders import config
from orders.logging_setup import request_id_var
from orders.metrics import EVENTS_FAILED

logger = logging.getLogger(__name__)


class Publisher:
    """One connection, opened when first needed and opened again when it broke."""

    def __init__(self, url, exchange, attempts=2):
        self.url = url
        self.exchange = exchange
        self.attempts = attempts
        self._lock = threading.Lock()
        self._connection = None
        self._channel = None

    def _open(self):
        if self._channel is not None and self._connection.is_open:
            return self._channel
        logger.info("connecting to exchange %s", self.exchange)
        self._connection = pika.BlockingConnection(pika.URLParameters(self.url))
        self._channel = self._connection.channel()
        self._channel.exchange_declare(exchange=self.exchange, exchange_type="topic", durable=True)
        return self._channel

    def publish(self, routing_key, body):
        message = json.dumps(body, sort_keys=True)
        properties = pika.BasicProperties(
            content_type="application/json", delivery_mode=2, correlation_id=request_id_var.get()
        )
        with self._lock:
            for attempt in range(1, self.attempts + 1):
                try:
                    self._open().basic_publish(self.exchange, routing_key, message, properties)
                    return True
                except AMQPError as e:
                    logger.warning("attempt %s of %s to publish failed: %r", attempt, self.attempts, e)
                    self._channel = None
        EVENTS_FAILED.inc()
        logger.error("event lost", extra={"routing_key": routing_key, "event": message})
        return False

    def close(self):
        if self._connection is not None and self._connection.is_open:
            self._connection.close()
            logger.info("connection to the broker closed")
        self._channel = None


publisher = Publisher(config.AMQP_URL, config.AMQP_EXCHANGE, attempts=config.PUBLISH_ATTEMPTS)


def order_changed(order):
    if not config.EVENTS_ENABLED:
        logger.debug("events are off, order %s not announced", order.id)
        return False
    body = {
        "order_id": order.id,
        "customer": order.customer,
        "status": order.status,
        "total_cents": order.total_cents,
        "at": datetime.now(timezone.utc).isoformat(),
    }
    return publisher.publish(f"order.{order.status}", body)
