"""`root_logger.info(…)` is `logging.info(…)`, which also takes fields."""

import inspect
import io
import json
import logging

import pytest

from maestro_core_logging import configure_logging, root_logger

CALLS = [
    ("debug", ("one %s", 1), {}),
    ("info", ("one",), {"extra": {"order": 1}}),
    ("warning", ("one",), {"stack_info": True}),
    ("error", (ValueError("one"),), {"exc_info": True}),
    ("critical", ("one",), {"stacklevel": 2}),
    ("exception", ("one",), {}),
    ("exception", ("one",), {"exc_info": False}),
    ("log", (25, "one %d", 2), {}),
]


class Keeper(logging.Handler):
    def __init__(self):
        super().__init__()
        self.records = []

    def emit(self, record):
        self.records.append(record)


def seen(target, name, args, keywords):
    """Call in a block with an exception, and give what the record says but for its time."""
    keeper = Keeper()
    logging.getLogger().addHandler(keeper)
    try:
        raise KeyError("at hand")
    except KeyError:
        getattr(target, name)(*args, **keywords)
    logging.getLogger().removeHandler(keeper)
    (record,) = keeper.records
    own = {"created", "msecs", "relativeCreated", "exc_info", "stack_info"}
    said = {key: value for key, value in vars(record).items() if key not in own}
    return said | {"trouble": bool(record.exc_info), "stack": record.stack_info is not None}


@pytest.mark.parametrize(("name", "args", "keywords"), CALLS)
def test_records_are_those_of_the_standard_functions(name, args, keywords):
    """Caller, level, message, arguments and exception."""
    logging.getLogger().setLevel(logging.DEBUG)
    standard, ours = seen(logging, name, args, keywords), seen(root_logger, name, args, keywords)
    assert ours == standard
    assert ours["pathname"] == inspect.getfile(seen if "stacklevel" not in keywords else inspect.currentframe())


def test_without_handlers_the_standard_set_up_comes_first(capsys):
    """The hidden `basicConfig` of `logging.warning` is kept, after the arguments are evaluated."""
    root_logger.warning("lost")
    assert capsys.readouterr().err == "WARNING:root:lost\n"
    assert len(logging.getLogger().handlers) == 1


def test_arguments_are_evaluated_before_the_hidden_set_up():
    """A call that configures logging in its argument does so first."""
    stream = io.StringIO()
    root_logger.info("done %s", configure_logging(stream=stream, level="INFO"), step=1)
    assert json.loads(stream.getvalue())["step"] == 1
