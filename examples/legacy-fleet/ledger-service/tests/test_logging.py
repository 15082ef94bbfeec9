import io
import json
import logging

import pytest
from loguru import logger

from app.core.config import Settings
from app.core.logging import InterceptHandler, setup_logging


@pytest.fixture(autouse=True)
def restore_logging():
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    setup_logging()


def test_json_lines_carry_fields():
    out = io.StringIO()
    setup_logging(Settings(LOG_JSON=True, LOG_LEVEL="INFO"), sink=out)
    logger.info("Entry posted", entry_id=3)
    record = json.loads(out.getvalue())["record"]
    assert record["message"] == "Entry posted"
    assert record["extra"] == {"request_id": "-", "entry_id": 3}


def test_text_lines_show_the_request_id():
    out = io.StringIO()
    setup_logging(Settings(LOG_LEVEL="INFO"), sink=out)
    with logger.contextualize(request_id="abc"):
        logger.info("Hello {}", "there")
    assert "| INFO     | abc |" in out.getvalue()
    assert out.getvalue().endswith("Hello there\n")


def test_root_has_only_the_intercept_handler():
    setup_logging(Settings(), sink=io.StringIO())
    assert [type(h) for h in logging.getLogger().handlers] == [InterceptHandler]
    assert logging.getLogger().level == 0


def test_standard_logging_arrives_in_loguru():
    setup_logging(Settings(), sink=io.StringIO())
    records = []
    logger.add(lambda m: records.append(m.record), level=0)
    logging.getLogger("vendor.sdk").warning("quota at %d%%", 90)
    [record] = [r for r in records if r["message"] == "quota at 90%"]
    assert record["level"].name == "WARNING"
    assert record["function"] == "test_standard_logging_arrives_in_loguru"


def test_unknown_levels_keep_their_number():
    setup_logging(Settings(), sink=io.StringIO())
    records = []
    logger.add(lambda m: records.append(m.record), level=0)
    logging.getLogger("vendor.sdk").log(27, "between")
    assert [r["level"].no for r in records if r["message"] == "between"] == [27]


def test_quiet_loggers():
    setup_logging(Settings(QUIET_LOGGERS="chatty, noisy"), sink=io.StringIO())
    assert logging.getLogger("chatty").level == logging.WARNING
    assert logging.getLogger("noisy").level == logging.WARNING
