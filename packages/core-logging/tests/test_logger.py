"""`get_logger(name)` is `logging.getLogger(name)` for everything that code or a test can observe."""

import copy
import io
import logging
import pickle
import subprocess
import sys
from unittest.mock import MagicMock, patch

import pytest

from maestro_core_logging import BoundLogger, Logger, configure_logging, get_logger, once

LEVEL_METHODS = ["debug", "info", "warning", "error", "critical", "fatal", "exception"]


class Records(logging.Handler):
    """A user's handler: keeps the records that it is given."""

    def __init__(self):
        super().__init__()
        self.records = []

    def emit(self, record):
        self.records.append(record)


@pytest.fixture
def records():
    """Everything that reaches a user's handler on the root, from DEBUG up."""
    handler = Records()
    logging.getLogger().addHandler(handler)
    logging.getLogger().setLevel(logging.DEBUG)
    return handler.records


@pytest.mark.parametrize("name", [None, "", "root", "a", "svc.mail", "a..b", "__main__"])
def test_it_is_the_object_that_logging_gives(name):
    """Before and after, through either door, for the root and for children."""
    before = logging.getLogger(name)
    assert get_logger(name) is before
    assert logging.getLogger(name) is before
    assert isinstance(before, Logger)


def test_children_made_later_keep_their_place_in_the_hierarchy():
    """A logger that extends a placeholder is still its children's parent."""
    child = get_logger("a.b.c")
    parent = get_logger("a")
    assert child.parent is parent
    assert parent.parent is logging.getLogger()
    assert get_logger("a").getChild("b.c") is child


def test_a_child_takes_fields_too(records):
    """`getChild` gives the object that `logging.getLogger` gives, and for a class of the service's own as well."""

    class Own(logging.Logger):
        def getChild(self, suffix):
            return super().getChild(f"of.{suffix}")

    assert get_logger("svc").getChild("pay") is logging.getLogger("svc.pay")
    logging.setLoggerClass(Own)
    for log in (get_logger("svc").getChild("late"), get_logger("own").getChild("pay")):
        log.warning("x", item=1)
    assert [(record.name, record.item) for record in records] == [("svc.late", 1), ("own.of.pay", 1)]


def test_state_of_the_logger_is_untouched():
    """Level, handlers, filters, propagate and the instance's attributes are what they were."""
    log = logging.getLogger("svc")
    log.setLevel(17)
    log.propagate = False
    log.custom = "mine"
    before = dict(vars(log))
    assert vars(get_logger("svc")) == before


@pytest.mark.parametrize("name", [None, "svc"])
def test_repr_class_name_pickle_and_copy_are_the_standard_ones(name):
    """What prints, pickles or copies a logger sees no difference."""
    plain_repr, plain_class = repr(logging.getLogger(name)), type(logging.getLogger(name)).__name__
    log = get_logger(name)
    assert repr(log) == plain_repr
    assert type(log).__name__ == plain_class
    assert pickle.loads(pickle.dumps(log)) is log
    assert copy.copy(log) is log
    assert copy.deepcopy({"log": log})["log"] is log


def test_a_logger_that_was_pickled_takes_fields_in_a_process_that_never_asked_for_it():
    """A job for a `spawn`ed worker brings its logger along; there, a keyword was a TypeError."""
    program = "import pickle, sys, logging; logging.basicConfig(); pickle.load(sys.stdin.buffer).warning('hi', order=1)"
    for log in (get_logger("svc.job"), get_logger(), get_logger("svc.job").bind(a=1)):
        child = [sys.executable, "-c", program]
        done = subprocess.run(child, input=pickle.dumps(log), capture_output=True, timeout=60, check=False)
        assert (done.returncode, done.stderr.rpartition(b":")[2]) == (0, b"hi\n"), done.stderr


def test_methods_of_the_way_are_the_standard_library_s_own():
    """What handles a record is not shadowed."""
    log = get_logger("svc")
    for name in ["log", "exception", "fatal", "handle", "findCaller", "isEnabledFor", "callHandlers", "setLevel"]:
        assert getattr(type(log), name) is getattr(logging.Logger, name)


@pytest.mark.parametrize("name", [*LEVEL_METHODS, "log", "isEnabledFor", "_log"])
def test_patches_of_the_standard_class_are_called(name):
    """`patch("logging.Logger.info")` reaches every logger, with and without `autospec`."""
    log = get_logger("svc")
    call = log.info if name in ("isEnabledFor", "_log") else getattr(log, name)
    arguments = (logging.INFO, "x %s", 1) if name == "log" else ("x %s", 1)
    configure_logging(stream=io.StringIO())
    call(*arguments)  # what is remembered of the first call must not hide the patch from the second
    for options in ({}, {"autospec": True}):
        with patch(f"logging.Logger.{name}", **options) as patched:
            call = log.info if name in ("isEnabledFor", "_log") else getattr(log, name)
            call(*arguments)
        assert patched.call_count == 1, options
    if name not in ("isEnabledFor", "_log"):
        assert patched.call_args.args[1:] == arguments


@pytest.mark.parametrize("name", ["isEnabledFor", "_log", "handle", "callHandlers"])
def test_patches_of_an_instance_are_called(name):
    """`patch.object(log, "isEnabledFor", return_value=False)` is obeyed."""
    stream = io.StringIO()
    configure_logging(stream=stream)
    log = get_logger("svc")
    log.info("x")
    with patch.object(log, name, return_value=None) as patched:
        log.info("x")
    patched.assert_called_once()
    assert stream.getvalue().count("\n") == 1


def test_patched_instances_are_patched_for_everyone():
    """`patch.object(log, "error")` is seen through every name of the logger."""
    log = get_logger("svc")
    with patch.object(logging.getLogger("svc"), "error") as error:
        log.error("Failed %s", "x")
    error.assert_called_once_with("Failed %s", "x")


def test_a_patched_get_logger_is_honoured():
    """A test that replaces `logging.getLogger` gets its own mock back."""
    mock = MagicMock()
    with patch("logging.getLogger", return_value=mock):
        assert get_logger("svc") is mock


@pytest.mark.parametrize("method", LEVEL_METHODS)
def test_records_equal_those_of_an_untouched_logger(records, method):
    """Every attribute that the caller decides is the same, caller's position included."""

    def call(log):
        getattr(log, method)("n=%d", 3, extra={"order": 7}, stack_info=True)

    for log in (logging.getLogger("untouched"), get_logger("touched")):
        call(log)
    plain, ours = (dict(vars(record)) for record in records)
    for varying in ("name", "created", "msecs", "relativeCreated"):
        plain.pop(varying), ours.pop(varying)
    assert ours == plain
    assert ours["funcName"] == "call"


@pytest.mark.parametrize("stacklevel", [1, 2, 3])
def test_stacklevel_names_the_same_frame(records, stacklevel):
    """Wrappers that pass `stacklevel` keep naming their callers, with and without fields."""

    def wrapper(log, **fields):
        log.info("x", stacklevel=stacklevel, **fields)

    def caller(log, **fields):
        wrapper(log, **fields)

    for log, fields in [(logging.getLogger("untouched"), {}), (get_logger("touched"), {}), (get_logger("t"), {"a": 1})]:
        caller(log, **fields)
    assert len({(record.funcName, record.lineno, record.pathname) for record in records}) == 1


def test_a_bridge_that_walks_frames_out_of_logging_finds_the_caller():
    """The usual loguru bridge skips frames while they are `logging.__file__`; ours must look like them."""
    seen = []

    class Bridge(logging.Handler):
        def emit(self, record):
            frame = sys._getframe(0).f_back
            while frame.f_code.co_filename == logging.__file__:
                frame = frame.f_back
            seen.append(frame.f_code.co_name)

    log = get_logger("svc")
    log.addHandler(Bridge())
    log.error("x", order_id=1)
    assert seen == ["test_a_bridge_that_walks_frames_out_of_logging_finds_the_caller"]


def test_keyword_fields_become_attributes_of_the_record(records):
    """A field is an attribute, as `extra` would have made it; `msg` and `args` stay as given."""
    get_logger("svc").info("paid %s", "now", order_id=1, amount=2.5, extra={"tenant": "t"})
    (record,) = records
    assert (record.msg, record.args) == ("paid %s", ("now",))
    assert (record.order_id, record.amount, record.tenant) == (1, 2.5, "t")


def test_fields_never_clash_with_the_record(records):
    """A field called like an attribute of the record gets an underscore; the attribute keeps its value."""
    get_logger("svc").info("x", name="ann", args=3, level=4, message="m", lineno=5, process=6)
    (record,) = records
    assert record.name == "svc"
    assert record.args == ()
    assert record.getMessage() == "x"
    assert (record.name_, record.args_, record.level, record.message_, record.lineno_) == ("ann", 3, 4, "m", 5)


def test_extra_that_clashes_raises_as_it_always_did(records):
    """`extra={"name": …}` is a KeyError in the standard library; code may rely on it."""
    with pytest.raises(KeyError, match="Attempt to overwrite 'name' in LogRecord"):
        get_logger("svc").info("x", extra={"name": "y"})


def test_a_record_factory_s_attributes_win_over_fields(records):
    """A user's factory that sets `request_id` is not broken by a field of that name."""

    def factory(*args, **kwargs):
        record = logging.LogRecord(*args, **kwargs)
        record.request_id = "from the factory"
        return record

    logging.setLogRecordFactory(factory)
    get_logger("svc").info("x", request_id="field")
    assert (records[0].request_id, records[0].request_id_) == ("from the factory", "field")


def test_disabled_calls_evaluate_nothing(records):
    """`isEnabledFor` and its cache are the standard ones; a disabled call makes no record."""
    log = get_logger("svc")
    log.setLevel(logging.WARNING)
    log.info("x", order_id=1)
    assert records == []
    assert log._cache == {logging.INFO: False}
    log.setLevel(logging.DEBUG)
    log.info("x", order_id=1)
    assert len(records) == 1


def test_filters_handlers_and_lastresort_work_as_before(capsys):
    """A filter on the logger drops; without any handler a warning goes to standard error as bare text."""
    with patch.object(logging, "lastResort", logging._StderrHandler(logging.WARNING)):
        log = get_logger("svc")
        log.warning("seen %s", "once")
        log.addFilter(lambda record: False)
        log.warning("dropped")
    assert capsys.readouterr().err == "seen once\n"


def test_adapters_wrap_it_and_it_wraps_adapters(records):
    """`LoggerAdapter(get_logger(…))` keeps its `extra`; fields pass through it."""
    adapter = logging.LoggerAdapter(get_logger("svc"), {"tenant": "t"})
    adapter.info("x")
    assert records[0].tenant == "t"
    assert records[0].funcName == "test_adapters_wrap_it_and_it_wraps_adapters"


def test_bind_adds_fields_without_touching_the_logger(records):
    """Bound fields are on each line of the bound logger only; the call's own fields win; unbind takes back."""
    log = get_logger("svc")
    bound = log.bind(order_id=1).bind(step="pay")
    bound.info("x", step="ship")
    bound.unbind("order_id", "absent").warning("y")
    log.info("z")
    first, second, third = records
    assert isinstance(bound, BoundLogger)
    assert (first.order_id, first.step, first.funcName) == (1, "ship", second.funcName)
    assert not hasattr(second, "order_id")
    assert second.step == "pay"
    assert not hasattr(third, "step")


@pytest.mark.parametrize("name", ["level", "msg", "args", "name", "exc_text"])
def test_bound_fields_may_be_called_like_parameters(records, name):
    """Bound or given in the call, on the bound logger and on one that holds lines back; the caller is still found."""
    log = get_logger("svc")
    log.bind(**{name: "gold"}).info("x %s", 1)
    once(log.bind(**{name: "gold"})).warning("y")
    if name != "msg":  # the first parameter of every level method
        log.bind(tenant="t").error("z", **{name: "gold"})
        once(log).info("once", **{name: "gold"})
        once(log.bind(tenant="t")).log(level=20, msg="named")
    for record in records:
        assert record.funcName == "test_bound_fields_may_be_called_like_parameters"
    given = [record for record in records if record.msg != "named"]
    assert len(given) == (2 if name == "msg" else 4)
    field = name if name == "level" else f"{name}_"
    assert [getattr(record, field) for record in given] == ["gold"] * len(given)


class NoticeLogger(logging.Logger):
    """A user's logger class with a level of its own and a `bind` of its own."""

    def notice(self, msg, *args, **kwargs):
        if self.isEnabledFor(25):
            self._log(25, msg, args, **kwargs)

    def bind(self):
        return "the user's"


def test_user_logger_classes_keep_their_methods(records):
    """`setLoggerClass` is honoured: the object stays an instance of the user's class, and takes fields."""
    logging.setLoggerClass(NoticeLogger)
    log = get_logger("svc")
    assert isinstance(log, NoticeLogger)
    assert type(log).__name__ == "NoticeLogger"
    log.notice("x", order_id=1)
    assert records[0].order_id == 1
    assert records[0].funcName == "notice"
    assert log.bind() == "the user's"


class KeywordLogger(logging.Logger):
    """A user's logger class that already takes keywords."""

    def _log(self, level, msg, args, exc_info=None, extra=None, stack_info=False, stacklevel=1, **kwargs):
        super()._log(level, f"{msg} {kwargs}", args, exc_info, extra, stack_info, stacklevel + 1)


class SlottedLogger(logging.Logger):
    """A user's logger class whose instances cannot change class."""

    __slots__ = ("slot",)


def test_a_class_that_already_takes_keywords_goes_on_taking_them(records):
    """Fields reach the user's own `_log`, not our conversion."""
    logging.setLoggerClass(KeywordLogger)
    get_logger("svc").info("x", order_id=1)
    assert records[0].getMessage() == "x {'order_id': 1}"


def test_a_logger_whose_class_cannot_be_extended_is_left_alone(records):
    """Slots forbid changing the class: the logger is returned as it is and logs as it did."""
    log = logging.getLogger("plain")
    log.__class__ = logging.Logger
    logging.setLoggerClass(SlottedLogger)
    slotted = get_logger("slotted")
    slotted.info("x")
    assert records[0].name == "slotted"


def test_internal_log_called_by_keyword_works(records):
    """Some code calls `logger._log(level=…, msg=…, args=…)`."""
    get_logger("svc")._log(level=logging.INFO, msg="x %s", args=(1,))
    get_logger("svc")._log(logging.INFO, "y", (), None, {"k": 1})
    assert [record.getMessage() for record in records] == ["x 1", "y"]
    assert records[1].k == 1


def test_a_second_import_of_the_library_does_not_stack_classes():
    """Test-suites that purge `sys.modules` re-import us: the class is replaced, and the object stays."""
    code = (
        "import sys, logging, maestro_core_logging as a\n"
        "log = a.get_logger('svc'); depth = len(type(log).__mro__)\n"
        "[sys.modules.pop(m) for m in list(sys.modules) if m.startswith('maestro_core_logging')]\n"
        "import maestro_core_logging as b\n"
        "assert b is not a and b.get_logger('svc') is log and isinstance(log, b.Logger)\n"
        "assert len(type(log).__mro__) == depth, type(log).__mro__\n"
        "assert b.get_logger() is logging.getLogger() and isinstance(a.get_logger(), logging.RootLogger)\n"
        "logging.basicConfig(level=20); log.info('x', a=1)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "INFO:svc:x\n")


PATCHES = {
    "Logger.callHandlers": "logging.Logger.callHandlers = seen(logging.Logger.callHandlers)",
    "Logger.makeRecord": "logging.Logger.makeRecord = seen(logging.Logger.makeRecord)",
    "Logger.handle": "logging.Logger.handle = seen(logging.Logger.handle)",
    "Logger.filter": "logging.Logger.filter = seen(logging.Logger.filter)",
    "Logger._log": "logging.Logger._log = seen(logging.Logger._log)",
    "Logger.info": "logging.Logger.info = seen(logging.Logger.info)",
    "Logger.isEnabledFor": "logging.Logger.isEnabledFor = seen(logging.Logger.isEnabledFor)",
    "Handler.handle": "logging.Handler.handle = seen(logging.Handler.handle)",
    "the record factory": "logging.setLogRecordFactory(seen(logging.LogRecord))",
}


@pytest.mark.parametrize("patched", PATCHES)
def test_who_patched_logging_before_us_sees_each_call(patched):
    """Sentry, Datadog or OpenTelemetry may be started first; what they patch is on the way of every line all the same."""
    code = (
        "import functools, logging, sys\n"
        "calls = []\n"
        "def seen(method):\n"
        "    @functools.wraps(method)\n"
        "    def patch(*args, **kwargs):\n"
        "        calls.append(args)\n"
        "        return method(*args, **kwargs)\n"
        "    return patch\n"
        f"{PATCHES[patched]}\n"
        "from maestro_core_logging import configure_logging, get_logger\n"
        "configure_logging(stream=sys.stdout)\n"
        "log = get_logger('svc')\n"
        "for _ in range(3):\n"
        "    calls.clear()\n"
        "    log.info('x', order_id=1)\n"
        "    assert calls\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr, done.stdout.count('"event":"x","order_id":1')) == (0, "", 3)


def test_what_a_record_factory_set_before_us_adds_is_on_the_line():
    """Its attributes are fields, and are not taken for what every record has."""
    code = (
        "import logging, sys\n"
        "class Record(logging.LogRecord):\n"
        "    def __init__(self, *args, **kwargs):\n"
        "        super().__init__(*args, **kwargs)\n"
        "        self.tenant = 't1'\n"
        "logging.setLogRecordFactory(Record)\n"
        "from maestro_core_logging import configure_logging, get_logger\n"
        "configure_logging(stream=sys.stdout)\n"
        "get_logger('svc').info('x')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert '"tenant":"t1"' in done.stdout


def test_basic_config_and_user_formatters_print_it_as_before():
    """A plain `basicConfig` set-up prints exactly what it printed."""
    stream = io.StringIO()
    logging.basicConfig(stream=stream, format="%(levelname)s %(name)s %(funcName)s %(message)s")
    get_logger("svc").warning("paid %s", 3, order_id=1)
    assert stream.getvalue() == ("WARNING svc test_basic_config_and_user_formatters_print_it_as_before paid 3\n")


def test_caplog_sees_records(caplog):
    """pytest's `caplog` needs propagation and standard records."""
    logging.getLogger().addHandler(caplog.handler)
    with caplog.at_level(logging.INFO, logger="svc"):
        get_logger("svc").info("paid %s", 3, order_id=1)
    assert caplog.record_tuples == [("svc", logging.INFO, "paid 3")]
    assert caplog.records[0].order_id == 1


def test_a_name_that_is_no_string_is_the_error_it_was():
    """`logging.getLogger(3)` is a TypeError."""
    with pytest.raises(TypeError, match="A logger name must be a string"):
        get_logger(3)
