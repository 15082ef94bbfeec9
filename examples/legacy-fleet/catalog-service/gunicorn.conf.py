import os

bind = "0.0.0.0:" + os.getenv("PORT", "5000")
workers = int(os.getenv("WEB_CONCURRENCY", "2"))
threads = 4
loglevel = os.getenv("LOG_LEVEL", "info").lower()
accesslog = None
preload_app = True
