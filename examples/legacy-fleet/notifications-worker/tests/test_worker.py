import json
import logging
import signal
from unittest.mock import AsyncMock, MagicMock, patch

import pytest
from aiokafka.errors import KafkaError

from notifier import __main__ as entry
from notifier.consumer import Worker, init_consumer, init_producer

EVENT = {
    "id": "n-1",
    "kind": "welcome",
    "user_id": "u-7",
    "contact": {"email": "ada@example.com"},
    "context": {"name": "Ada"},
    "created_at": "2024-05-01T12:00:00Z",
}


@pytest.fixture
def logger():
    return MagicMock()


@pytest.fixture
def worker(logger):
    return Worker(AsyncMock(), AsyncMock(), AsyncMock(), logger)


async def test_handles_an_event(worker, message, logger):
    worker.dispatcher.dispatch.return_value = ["email"]
    await worker.handle(message(json.dumps(EVENT).encode()))
    assert worker.dispatcher.dispatch.await_args.args[0].user_id == "u-7"
    logger.info.assert_called_once_with("Handled %s by %s", "welcome", ["email"])
    worker.producer.send_and_wait.assert_not_awaited()


@pytest.mark.parametrize("raw", [b"not json", b"{}", b"\xff"])
async def test_bad_events_are_dead_letters(worker, message, logger, raw, statsd):
    await worker.handle(message(raw, offset=12))
    topic, value = worker.producer.send_and_wait.await_args.args
    assert (topic, value) == ("notifications.dead", raw)
    assert logger.warn.call_args.kwargs == {"extra": {"offset": 12}}
    statsd.incr.assert_called_once_with("dead", 1)


async def test_failed_dispatch_is_a_dead_letter(worker, message, logger):
    error = RuntimeError("boom")
    worker.dispatcher.dispatch.side_effect = error
    await worker.handle(message(json.dumps(EVENT).encode()))
    logger.error.assert_called_once_with("Failed: n-1", exc_info=error)
    assert worker.producer.send_and_wait.await_args.kwargs["headers"] == [("reason", b"boom")]
    assert worker.handled == 1


async def test_lost_dead_letter_is_logged(worker, message, logger):
    worker.producer.send_and_wait.side_effect = KafkaError()
    await worker.dead_letter(message(b"x"), "why")
    logger.exception.assert_called_once_with("Dead letter lost")


async def test_run_commits_each_batch_and_stops(worker, message):
    batches = [{"p0": [message(json.dumps(EVENT).encode())]}, {}]

    async def getmany(timeout_ms):
        if len(batches) == 1:
            worker.stop()
        return batches.pop(0)

    worker.consumer.getmany = getmany
    await worker.run()
    worker.consumer.commit.assert_awaited_once()
    assert worker.handled == 1


async def test_init_consumer_uses_the_injected_logger(logger):
    with patch("notifier.consumer.AIOKafkaConsumer") as kafka:
        kafka.return_value.start = AsyncMock()
        consumer = await init_consumer(logger)
    consumer.start.assert_awaited_once()
    assert kafka.call_args.kwargs["group_id"] == "notifier-testing"
    logger.info.assert_any_call("Connecting to %s", "localhost:9092")


async def test_init_producer_logs_on_the_root_by_default(caplog):
    caplog.set_level(logging.INFO)
    with patch("notifier.consumer.AIOKafkaProducer") as kafka:
        kafka.return_value.start = AsyncMock()
        await init_producer()
    assert caplog.record_tuples == [("root", logging.INFO, "Producer ready")]


def test_signals(worker):
    loop = MagicMock()
    entry.install_signals(loop, worker)
    installed = {call.args[0]: call.args[1] for call in loop.add_signal_handler.call_args_list}
    assert installed[signal.SIGTERM] == worker.stop
    assert set(installed) == {signal.SIGINT, signal.SIGTERM, signal.SIGHUP}


async def test_serve_closes_both_ends():
    consumer, producer = AsyncMock(), AsyncMock()
    with (
        patch("notifier.__main__.init_consumer", AsyncMock(return_value=consumer)),
        patch("notifier.__main__.init_producer", AsyncMock(return_value=producer)),
        patch("notifier.__main__.install_signals"),
        patch("notifier.__main__.Worker.run", AsyncMock(side_effect=RuntimeError("boom"))),
        pytest.raises(RuntimeError),
    ):
        await entry.serve()
    consumer.stop.assert_awaited_once()
    producer.stop.assert_awaited_once()


def test_main_reports_the_failure(caplog):
    with (
        patch("notifier.__main__.log.setup"),
        patch("notifier.__main__.log.quiet_root"),
        patch("notifier.__main__.serve", MagicMock()),
        patch("notifier.__main__.asyncio.run", side_effect=OSError("no brokers")),
    ):
        assert entry.main([]) == 1
    assert ("root", logging.ERROR, "no brokers") in caplog.record_tuples
    assert caplog.records[-1].message == "Giving up"


def test_show_config(capsys, caplog):
    caplog.set_level(logging.INFO, logger="notifier")
    with patch("notifier.__main__.log.setup"), patch("notifier.__main__.log.quiet_root"):
        assert entry.main(["--show-config", "--max-attempts", "3"]) == 0
    assert capsys.readouterr().out == "notifier 3.1.0 (testing)\n"
    assert "config APP_NAME=notifier" in caplog.messages


def test_max_attempts_default_from_the_environment(monkeypatch):
    monkeypatch.setenv("RULES_MAX_ATTEMPTS", "5")
    assert entry.parser().parse_args([]).max_attempts == 5


def test_sms_channel_only_when_enabled():
    assert [c.name for c in entry.build_channels(MagicMock())] == ["email", "inapp"]
    with patch("notifier.__main__.config.SMS_ENABLED", True), patch("notifier.__main__.SmsChannel") as sms:
        assert entry.build_channels(MagicMock())[-1] is sms.return_value
