import asyncio
import logging
import time
from datetime import datetime, timedelta, timezone

from notifier import audit, config, metrics, store
from notifier.channels import DeliveryError, Undeliverable
from notifier.rendering import RenderError, render
from notifier.settings import settings

logger = logging.getLogger(config.APP_NAME)
summary = logging.getLogger(f"{config.APP_NAME}.summary")


def is_quiet(contact, now=None) -> bool:
    now = now or datetime.now(timezone.utc)
    hour = (now + timedelta(hours=contact.utc_offset)).hour
    start, end = settings.QUIET_FROM, settings.QUIET_UNTIL
    if start == end:
        return False
    if start < end:
        return start <= hour < end
    return hour >= start or hour < end


class Dispatcher:
    def __init__(self, channels):
        self.channels = {channel.name: channel for channel in channels}
        self.log = logging.getLogger("notifier.dispatch")

    def wanted(self, notification, now=None):
        names = [n for n in notification.channels if n not in notification.contact.muted]
        if not notification.urgent and is_quiet(notification.contact, now):
            names = [n for n in names if n not in settings.QUIET_CHANNELS]
        unknown = [n for n in names if n not in self.channels]
        if unknown:
            self.log.warning("Unknown channels %s", unknown, extra={"kind": notification.kind})
        return [n for n in names if n in self.channels]

    async def deliver(self, notification, name) -> bool:
        """One channel, with retries. True when it was sent."""
        subject, body = render(notification.kind, name, notification.context)
        for attempt in range(1, settings.MAX_ATTEMPTS + 1):
            try:
                if not config.DRY_RUN:
                    await self.channels[name].send(notification, subject, body)
            except Undeliverable as e:
                self.log.info("Not deliverable by %s: %s", name, e)
                metrics.count(f"undeliverable.{name}")
                return False
            except DeliveryError as e:
                level = logging.WARNING if attempt < settings.MAX_ATTEMPTS else logging.ERROR
                self.log.log(level, "Attempt %d by %s failed: %s", attempt, name, e)
                if attempt < settings.MAX_ATTEMPTS:
                    await asyncio.sleep(settings.RETRY_DELAY * 2 ** (attempt - 1))
            else:
                audit.sent(notification, name, attempt)
                metrics.count(f"sent.{name}")
                return True
        metrics.count(f"failed.{name}")
        raise DeliveryError(f"gave up on {name} after {settings.MAX_ATTEMPTS} attempts")

    async def dispatch(self, notification, now=None) -> list[str]:
        """Names of the channels that took the notification."""
        if not await store.first_time(notification.id):
            logger.debug("Seen before: %s", notification.id)
            audit.dropped(notification, "duplicate")
            return []
        if not notification.urgent and not await store.under_limit(notification.user_id):
            audit.dropped(notification, "limit")
            metrics.count("dropped.limit")
            return []
        started, done = time.monotonic(), []
        try:
            for name in self.wanted(notification, now):
                if await self.deliver(notification, name):
                    done.append(name)
        except RenderError as e:
            logger.error(e)
            metrics.count("dropped.render")
        except DeliveryError:
            await store.forget(notification.id)
            raise
        metrics.timing("dispatch", time.monotonic() - started)
        if settings.LOG_SUMMARY:
            summary.info("", extra={"notification_id": notification.id, "kind": notification.kind, "sent": done})
        return done
