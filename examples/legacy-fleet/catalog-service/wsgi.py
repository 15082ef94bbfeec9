import logging

from catalog import create_app

app = create_app()

if __name__ != "__main__":
    # started by gunicorn: write where it writes
    gunicorn_logger = logging.getLogger("gunicorn.error")
    app.logger.handlers = gunicorn_logger.handlers
    app.logger.setLevel(gunicorn_logger.level)
else:
    logging.basicConfig(level=logging.DEBUG)
    app.run(debug=True)
