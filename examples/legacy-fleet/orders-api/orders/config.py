"""Settings, read once from the environment."""

import json
import os

SERVICE_NAME = os.getenv("SERVICE_NAME", "orders-api")
ENVIRONMENT = os.getenv("ENVIRONMENT", "dev")
IS_PRODUCTION = os.getenv("ENVIRONMENT", "dev") == "production"
DEBUG = os.getenv("DEBUG", "false").lower() == "true"

LOG_LEVEL = os.getenv("LOG_LEVEL", "INFO").upper()
LOG_JSON = str(os.getenv("LOG_JSON", True)).lower() == "true"

# database
DATABASE_URL = os.getenv("DATABASE_URL", "sqlite:///./orders.db")
DB_ECHO = os.getenv("DB_ECHO", "no") in ("true", "t", "yes", "y", "1")

# broker
AMQP_URL = os.environ.get("AMQP_URL", "amqp://guest:guest@localhost:5672/%2F")
AMQP_EXCHANGE = os.environ.get("AMQP_EXCHANGE", "orders")
EVENTS_ENABLED = os.getenv("EVENTS_ENABLED", "true").lower() in ("true", "t", "yes", "y")
PUBLISH_ATTEMPTS = int(os.getenv("PUBLISH_ATTEMPTS", "2"))

# tokens
JWT_ISSUER = os.getenv("JWT_ISSUER", "tea-shop")
TOKEN_TTL_MINUTES = int(os.getenv("TOKEN_TTL_MINUTES", "60"))

# prices
VAT_RATE = float(os.getenv("VAT_RATE", "0.20"))
FREE_SHIPPING_FROM = int(os.getenv("FREE_SHIPPING_FROM", "4000"))
SHIPPING_CENTS = json.loads(os.getenv("SHIPPING_CENTS", '{"GB": 395, "DE": 695, "FR": 695}'))
MAX_LINES = int(os.getenv("MAX_LINES", 40))

# http
CORS_ORIGINS = os.getenv("CORS_ORIGINS", "http://localhost:3000").split(",")
SLOW_REQUEST_SECONDS = float(os.getenv("SLOW_REQUEST_SECONDS", "1.5"))
QUIET_LOGGERS = [n.strip() for n in os.getenv("QUIET_LOGGERS", "pika,urllib3,uvicorn.access").split(",") if n.strip()]
