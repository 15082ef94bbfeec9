import os


class Config:
    SECRET_KEY = os.getenv("SECRET_KEY", "open sesame")
    ENVIRONMENT = os.getenv("ENVIRONMENT", "development")
    LOG_LEVEL = os.getenv("LOG_LEVEL", "INFO")
    LOG_REQUESTS = os.getenv("LOG_REQUESTS", "true").lower() == "true"

    SQLALCHEMY_DATABASE_URI = os.getenv("DATABASE_URI", os.getenv("DATABASE_URL", "sqlite:///catalog.db"))
    SQLALCHEMY_ECHO = os.getenv("SQLALCHEMY_ECHO", "no") in ("yes", "true", "t", "y")

    # name:key,name:key
    API_KEYS = os.getenv("API_KEYS", "").split(",")
    PAGE_SIZE = int(os.getenv("PAGE_SIZE", "20"))
    MAX_CONTENT_LENGTH = int(os.getenv("MAX_UPLOAD_KB", 512)) * 1024

    RESERVATION_HOURS = float(os.getenv("RESERVATION_HOURS", "48"))
    MIN_PRICE_CENTS = int(os.environ.get("MIN_PRICE_CENTS", "100"))
    CONDITIONS = os.getenv("CONDITIONS", "new fine good fair poor").split()

    LOOKUP_URL = os.getenv("LOOKUP_URL")
    LOOKUP_TIMEOUT = float(os.getenv("LOOKUP_TIMEOUT", "2"))


class Production(Config):
    ENVIRONMENT = "production"
    SESSION_COOKIE_SECURE = True
    LOG_LEVEL = os.getenv("LOG_LEVEL", "WARNING")


class Testing(Config):
    TESTING = True
    ENVIRONMENT = "testing"
    SQLALCHEMY_DATABASE_URI = "sqlite://"
    API_KEYS = ["shop:shop-key", "warehouse:wh-key"]
    LOOKUP_URL = None
    PAGE_SIZE = 5
