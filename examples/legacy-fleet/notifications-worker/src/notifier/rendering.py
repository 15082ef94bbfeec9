import logging
from importlib.resources import files

from jinja2 import DictLoader, Environment, StrictUndefined, TemplateNotFound, UndefinedError

logger = logging.getLogger(__name__)


class RenderError(Exception):
    pass


def _load():
    folder = files("notifier") / "templates"
    return {item.name: item.read_text() for item in folder.iterdir() if item.name.endswith(".txt")}


environment = Environment(loader=DictLoader(_load()), undefined=StrictUndefined, trim_blocks=True)


def render(kind, channel, context):
    """Subject and body. The first line of a template is its subject."""
    name = f"{kind}.txt"
    try:
        text = environment.get_template(name).render(channel=channel, **context)
    except TemplateNotFound:
        logger.error("No template for %s", kind)
        raise RenderError(f"no template for {kind}")
    except UndefinedError as e:
        logger.error("Template {} lacks a value: {}".format(name, e))
        raise RenderError(str(e)) from e
    subject, _, body = text.partition("\n")
    return subject.strip(), body.strip()
