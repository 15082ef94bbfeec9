"""Keeps an eye on certificates and when they end."""

import datetime
import json
import logging
import os
from email.message import EmailMessage
from pathlib import Path

import click

from opstools import __version__
from opstools.term import paint, table

logger = logging.getLogger(__name__)

WARN_DAYS = int(os.getenv("CERT_WARN_DAYS", "21"))
OWNERS = json.loads(os.environ.get("CERT_OWNERS", "{}"))
STATES = {"ended": "red", "soon": "yellow", "fine": "green"}


class Certificate:
    def __init__(self, host, ends, issuer="unknown"):
        self.host = host
        self.ends = datetime.date.fromisoformat(ends)
        self.issuer = issuer

    def days_left(self, today):
        return (self.ends - today).days

    def state(self, today, warn_days):
        left = self.days_left(today)
        if left < 0:
            return "ended"
        return "soon" if left <= warn_days else "fine"

    def as_dict(self):
        return {"host": self.host, "ends": self.ends.isoformat(), "issuer": self.issuer}


def load(path):
    try:
        entries = json.loads(Path(path).read_text())
    except FileNotFoundError:
        logger.warning("no inventory at %s, starting an empty one", path)
        return []
    except ValueError as e:
        logger.exception("inventory cannot be read")
        raise click.ClickException(f"{path}: {e}")
    certificates = []
    for entry in entries:
        try:
            certificates.append(Certificate(**entry))
        except (TypeError, ValueError) as e:
            logger.error("bad entry {}: {}".format(entry.get("host", "?"), e))
    logger.debug("%d certificates", len(certificates))
    return sorted(certificates, key=lambda c: (c.ends, c.host))


def save(path, certificates):
    target = Path(path)
    temporary = target.with_suffix(".new")
    temporary.write_text(json.dumps([c.as_dict() for c in certificates], indent=2) + "\n")
    temporary.replace(target)
    logger.info("%s written", target.name)


def owner(host):
    """The owner of the host or of the nearest domain above it."""
    parts = host.split(".")
    for i in range(len(parts) - 1):
        name = ".".join(parts[i:])
        if name in OWNERS:
            return OWNERS[name]
    return os.getenv("CERT_DEFAULT_OWNER", "nobody")


def mail(certificates, today):
    """A mail about what ends, ready to be piped into sendmail."""
    message = EmailMessage()
    message["From"] = os.environ["CERT_MAIL_FROM"]
    message["To"] = ", ".join(sorted({owner(c.host) for c in certificates}))
    message["Subject"] = f"{len(certificates)} certificates need you"
    message.set_content("\n".join(f"{c.host} ends in {c.days_left(today)} days" for c in certificates))
    return message


def parse_day(ctx, param, value):
    try:
        return datetime.date.fromisoformat(value) if value else datetime.date.today()
    except ValueError:
        raise click.BadParameter("a day is YYYY-MM-DD")


today_option = click.option("--today", callback=parse_day, help="Pretend that it is this day.")


@click.group()
@click.version_option(__version__)
@click.option("-v", "--verbose", count=True)
def cli(verbose):
    """Keeps an eye on certificates and when they end."""
    level = [logging.WARNING, logging.INFO, logging.DEBUG][min(verbose, 2)]
    logging.basicConfig(level=level, format="%(levelname)s %(name)s: %(message)s")


@cli.command()
@click.argument("inventory")
@click.option("--warn-days", type=int, default=WARN_DAYS, show_default=True)
@click.option("--mail", "as_mail", is_flag=True, help="Print a mail.")
@today_option
@click.pass_context
def check(ctx, inventory, warn_days, as_mail, today):
    """Tell what has ended or ends soon."""
    bad = [c for c in load(inventory) if c.state(today, warn_days) != "fine"]
    if as_mail and bad:
        click.echo(mail(bad, today).as_string())
    else:
        for certificate in bad:
            state = certificate.state(today, warn_days)
            click.echo(f"{paint(state, STATES[state])} {certificate.host} {certificate.ends}")
    if any(c.state(today, warn_days) == "ended" for c in bad):
        logger.error("certificates have ended", extra={"hosts": [c.host for c in bad]})
        ctx.exit(2)
    if bad:
        logger.warning("%s certificates end within %s days", len(bad), warn_days)
        ctx.exit(1)
    logger.info("all is fine")


@cli.command()
@click.argument("inventory")
@today_option
def report(inventory, today):
    """Print the whole inventory."""
    rows = [(c.host, c.ends, c.days_left(today), owner(c.host), c.issuer) for c in load(inventory)]
    click.echo(table(rows, ("host", "ends", "days", "owner", "issuer")))


@cli.command()
@click.argument("inventory")
@click.argument("host")
@click.argument("ends")
@click.option("--issuer", default=lambda: os.environ.get("CERT_ISSUER", "unknown"))
def add(inventory, host, ends, issuer):
    """Put a certificate into the inventory, or renew it."""
    certificates = [c for c in load(inventory) if c.host != host]
    try:
        certificates.append(Certificate(host, ends, issuer))
    except ValueError as e:
        raise click.BadParameter(str(e), param_hint="ENDS")
    save(inventory, sorted(certificates, key=lambda c: c.host))
    click.echo(f"{host} until {ends}")


if __name__ == "__main__":
    cli()
