import logging

from notifier import config
from notifier.channels.base import HttpChannel, Undeliverable

MAX_LENGTH = 160


def read_key():
    with open(config.SMS_KEY_PATH) as fh:
        return fh.read().strip()


class SmsChannel(HttpChannel):
    name = "sms"

    def __init__(self, http, logger=logging):
        super().__init__(http, logger)
        self.key = read_key()

    @staticmethod
    def region(phone):
        for prefix, region in config.SMS_PREFIXES.items():
            if phone.startswith(prefix):
                return region
        return None

    async def send(self, notification, subject, body):
        phone = notification.contact.phone
        if not phone:
            raise Undeliverable("no telephone number")
        region = self.region(phone)
        if region is None:
            self.logger.info("No route to %s...", phone[:3])
            raise Undeliverable(f"no route to {phone[:3]}")
        text = body if len(body) <= MAX_LENGTH else body[: MAX_LENGTH - 1] + "…"
        await self.post(
            config.SMS_URL,
            {"to": phone, "region": region, "text": text},
            headers={"X-Api-Key": self.key},
            timeout=config.SMS_TIMEOUT,
        )
