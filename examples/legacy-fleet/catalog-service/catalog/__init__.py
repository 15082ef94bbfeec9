import os

from dotenv import load_dotenv

load_dotenv()

from flask import Flask  # noqa: E402

from catalog.extensions import db  # noqa: E402

__version__ = "0.9.1"


def create_app(config=None):
    app = Flask(__name__)
    app.config.from_object(config or os.getenv("CATALOG_CONFIG", "catalog.config.Config"))
    app.config["STARTED_BY"] = os.environ.get("USER", "unknown")

    from catalog.logs import init_logging

    init_logging(app)
    db.init_app(app)

    from catalog import cli, errors, hooks
    from catalog.views import books, copies, health

    hooks.init_app(app)
    errors.init_app(app)
    cli.init_app(app)
    app.register_blueprint(books.bp)
    app.register_blueprint(copies.bp)
    app.register_blueprint(health.bp)

    app.logger.info("catalog %s ready, database %s", __version__, app.config["SQLALCHEMY_DATABASE_URI"].split(":")[0])
    return app
