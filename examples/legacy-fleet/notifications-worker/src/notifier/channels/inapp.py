import json
import logging

from redis.exceptions import RedisError

from notifier import store
from notifier.channels.base import Channel, DeliveryError


class InAppChannel(Channel):
    """Publishes to the user's redis channel; the web sockets of the shop listen there."""

    name = "inapp"

    async def send(self, notification, subject, body):
        message = json.dumps({"id": notification.id, "title": subject, "text": body})
        try:
            listeners = await store.r.publish(f"user:{notification.user_id}", message)
        except RedisError as e:
            self.logger.exception("Publishing to %s failed", notification.user_id)
            raise DeliveryError(str(e)) from e
        self.logger.log(logging.DEBUG if listeners else logging.INFO, "%d listeners", listeners)
