import logging

LINE = "[%(asctime)s] %(levelname)s in %(module)s: %(message)s"
NOISY = ("urllib3", "werkzeug", "sqlalchemy.pool")


def init_logging(app):
    """Log to gunicorn's handlers when it runs us, to our own when not."""
    gunicorn = logging.getLogger("gunicorn.error")
    if gunicorn.handlers:
        app.logger.handlers = logging.getLogger("gunicorn.error").handlers
        for handler in app.logger.handlers:
            handler.setFormatter(logging.Formatter(LINE))
    app.logger.setLevel(app.config["LOG_LEVEL"])
    if app.config["ENVIRONMENT"] == "production":
        for name in NOISY:
            logging.getLogger(name).setLevel(logging.ERROR)
