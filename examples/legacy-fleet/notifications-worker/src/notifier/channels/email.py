from notifier import config
from notifier.channels.base import HttpChannel, Undeliverable


class EmailChannel(HttpChannel):
    name = "email"

    async def send(self, notification, subject, body):
        address = notification.contact.email
        if not address:
            raise Undeliverable("no e-mail address")
        domain = address.rpartition("@")[2].lower()
        if domain in config.MAIL_BLOCKED_DOMAINS:
            self.logger.warn(f"Domain {domain} is blocked", extra={"user_id": notification.user_id})
            raise Undeliverable(f"domain {domain} is blocked")
        headers = {"Authorization": f"Bearer {config.MAIL_TOKEN}"} if config.MAIL_TOKEN else None
        payload = {"from": config.MAIL_SENDER, "to": address, "subject": subject, "text": body}
        await self.post(config.MAIL_URL, payload, headers=headers)
