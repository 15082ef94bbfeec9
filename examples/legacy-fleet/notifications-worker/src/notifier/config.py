import json
import os
import sys

from dotenv import load_dotenv

from notifier import secret_store

load_dotenv()
secret_store.export()

APP_NAME = os.getenv("APP_NAME", "notifier")
ENVIRONMENT = os.getenv("ENVIRONMENT", "dev")
LOG_LEVEL = os.environ.get("NOTIFIER_LOG_LEVEL", os.environ.get("LOG_LEVEL", "INFO"))
LOG_CONSOLE = os.getenv("LOG_CONSOLE", "true").lower() == "true"
DRY_RUN = str(os.getenv("DRY_RUN")).lower() in ("true", "t", "yes", "y", "1")

# where things are: from the platform's file in the cluster, from variables anywhere else
PLATFORM_CONFIG = os.getenv("PLATFORM_CONFIG")
if PLATFORM_CONFIG:
    with open(PLATFORM_CONFIG) as _fh:
        _platform = json.load(_fh)
    KAFKA_BROKERS = [f"{b['hostname']}:{b['port']}" for b in _platform["kafka"]["brokers"]]
    KAFKA_TOPIC = _platform["kafka"]["topics"]["notifications"]
    REDIS_HOST = _platform["redis"]["hostname"]
    REDIS_PORT = _platform["redis"]["port"]
else:
    KAFKA_BROKERS = os.getenv("KAFKA_BROKERS", "localhost:9092").split(",")
    KAFKA_TOPIC = os.getenv("KAFKA_TOPIC", "notifications")
    REDIS_HOST = os.getenv("REDIS_HOST", "localhost")
    REDIS_PORT = os.getenv("REDIS_PORT", 6379)

KAFKA_GROUP = os.getenv("KAFKA_GROUP", f"{APP_NAME}-{ENVIRONMENT}")
DEAD_LETTER_TOPIC = os.getenv("DEAD_LETTER_TOPIC", KAFKA_TOPIC + ".dead")
REDIS_DB = int(os.getenv("REDIS_DB", "0"))
DEDUPE_TTL = int(os.getenv("DEDUPE_TTL", "86400"))

STATSD_HOST = os.getenv("STATSD_HOST", "localhost")
STATSD_PORT = int(os.getenv("STATSD_PORT", 8125 if STATSD_HOST == "localhost" else 9125))

MAIL_URL = os.getenv("MAIL_URL", "http://localhost:8025/api/send")
MAIL_SENDER = os.getenv("MAIL_SENDER", "Riverside Books <hello@example.com>")
MAIL_BLOCKED_DOMAINS = os.getenv("MAIL_BLOCKED_DOMAINS", "").split(",")
MAIL_TOKEN = os.getenv("MAIL_TOKEN")
MAIL_TOKEN_FILE = os.getenv("MAIL_TOKEN_FILE")
if MAIL_TOKEN and MAIL_TOKEN_FILE:
    raise ValueError("MAIL_TOKEN and MAIL_TOKEN_FILE are mutually exclusive")
if MAIL_TOKEN_FILE:
    MAIL_TOKEN = open(MAIL_TOKEN_FILE).read().strip()

SMS_ENABLED = os.getenv("SMS_ENABLED", "no") == "yes"
SMS_URL = os.getenv("SMS_URL", "http://localhost:8026/messages")
SMS_TIMEOUT = float(os.getenv("SMS_TIMEOUT", "2.5"))
SMS_KEY_PATH = os.getenv("SMS_KEY_PATH")
SMS_PREFIXES = json.loads(os.environ.get("SMS_PREFIXES", '{"+44": "gb", "+49": "de"}'))
if SMS_ENABLED and SMS_KEY_PATH is None:
    raise Exception("Missing env variable SMS_KEY_PATH")


def log_config(logger):
    """Writes every constant of this module to the log, secrets masked."""
    for name, value in sorted(sys.modules[__name__].__dict__.items()):
        if name == name.upper() and not name.startswith("_"):
            if "TOKEN" in name or "KEY" in name:
                value = "***" if value else None
            logger.info("config %s=%s", name, value)
