import click
from flask import current_app

from catalog import store
from catalog.extensions import db


def init_app(app):
    @app.cli.command("init-db")
    def init_db():
        """Create the tables."""
        db.create_all()
        current_app.logger.info("tables created")
        click.echo("tables created")

    @app.cli.command("import-csv")
    @click.argument("file", type=click.File())
    def import_csv(file):
        """Import titles from a CSV file."""
        done, failed = store.import_csv(file.read())
        for line in failed:
            click.echo(f"line {line['line']}: {line['reason']}", err=True)
        click.echo(f"{done} books imported")
