from statsd import StatsClient

from notifier import config

_client = None


def client():
    global _client
    if _client is None:
        _client = StatsClient(config.STATSD_HOST, config.STATSD_PORT, prefix=config.APP_NAME)
    return _client


def count(name, value=1):
    client().incr(name, value)


def timing(name, seconds):
    client().timing(name, seconds * 1000)
