"""Ways to reach somebody. A channel has a name and `async send(notification, subject, body)`."""

from notifier.channels.base import Channel, DeliveryError, Undeliverable
from notifier.channels.email import EmailChannel
from notifier.channels.inapp import InAppChannel
from notifier.channels.sms import SmsChannel

__all__ = ["Channel", "DeliveryError", "EmailChannel", "InAppChannel", "SmsChannel", "Undeliverable"]
