"""One line per notification sent, for customer support. Needs the `audit` extra."""

try:
    import structlog

    audit = structlog.get_logger("notifier.audit")
except ImportError:
    import logging

    class _Plain:
        def __init__(self, log):
            self._log = log

        def info(self, event, **fields):
            self._log.info("%s %s", event, fields)

        warning = info

    audit = _Plain(logging.getLogger("notifier.audit"))


def sent(notification, channel, attempts):
    audit.info(
        "notification_sent", user=notification.user_id, kind=notification.kind, channel=channel, attempts=attempts
    )


def dropped(notification, reason):
    audit.warning("notification_dropped", user=notification.user_id, kind=notification.kind, reason=reason)
