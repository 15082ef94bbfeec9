import logging
from datetime import datetime, timezone
from unittest.mock import AsyncMock, patch

import pytest
from redis.exceptions import ConnectionError as RedisDown

from notifier import store
from notifier.channels import DeliveryError, Undeliverable
from notifier.dispatch import Dispatcher, is_quiet
from notifier.models import Contact
from notifier.rendering import RenderError, render
from notifier.settings import settings

NOON = datetime(2024, 5, 1, 12, tzinfo=timezone.utc)
NIGHT = datetime(2024, 5, 1, 23, tzinfo=timezone.utc)


@pytest.fixture(autouse=True)
def rules():
    before = settings.model_dump()
    settings.RETRY_DELAY = 0
    yield settings
    for key, value in before.items():
        setattr(settings, key, value)


async def test_sends_once(make, channel, statsd):
    email = channel()
    dispatcher = Dispatcher([email])
    assert await dispatcher.dispatch(make(), NOON) == ["email"]
    assert await dispatcher.dispatch(make(), NOON) == []
    email.send.assert_awaited_once()
    statsd.incr.assert_any_call("sent.email", 1)


async def test_summary_record(make, channel, caplog):
    caplog.set_level(logging.INFO, logger="notifier.summary")
    await Dispatcher([channel()]).dispatch(make(), NOON)
    [record] = [r for r in caplog.records if r.name == "notifier.summary"]
    assert record.getMessage() == ""
    assert record.sent == ["email"]


async def test_summary_can_be_off(make, channel, rules, caplog):
    caplog.set_level(logging.INFO, logger="notifier.summary")
    rules.LOG_SUMMARY = False
    await Dispatcher([channel()]).dispatch(make(), NOON)
    assert not [r for r in caplog.records if r.name == "notifier.summary"]


async def test_retries_then_succeeds(make, channel, caplog):
    email = channel(side_effect=[DeliveryError("busy"), DeliveryError("busy"), None])
    assert await Dispatcher([email]).dispatch(make(), NOON) == ["email"]
    assert email.send.await_count == 3
    assert [r.levelname for r in caplog.records if r.name == "notifier.dispatch"] == ["WARNING", "WARNING"]


async def test_backoff_doubles(make, channel, rules):
    rules.RETRY_DELAY = 2
    email = channel(side_effect=DeliveryError("busy"))
    with patch("notifier.dispatch.asyncio.sleep", AsyncMock()) as sleep, pytest.raises(DeliveryError):
        await Dispatcher([email]).deliver(make(), "email")
    assert [call.args[0] for call in sleep.await_args_list] == [2, 4]


async def test_giving_up_forgets_so_that_a_replay_works(make, channel, redis, caplog):
    with pytest.raises(DeliveryError, match="gave up on email after 3 attempts"):
        await Dispatcher([channel(side_effect=DeliveryError("busy"))]).dispatch(make(), NOON)
    assert "seen:n-1" not in redis.values
    assert caplog.records[-1].levelno == logging.ERROR


async def test_undeliverable_goes_on_with_the_next(make, channel):
    email, inapp = channel(side_effect=Undeliverable("no address")), channel("inapp")
    done = await Dispatcher([email, inapp]).dispatch(make(channels=["email", "inapp"]), NOON)
    assert done == ["inapp"]


async def test_limit(make, channel, rules, statsd):
    rules.MAX_PER_USER_PER_HOUR = 1
    dispatcher = Dispatcher([channel()])
    with patch("notifier.store.time.time", return_value=NOON.timestamp()):
        assert await dispatcher.dispatch(make(id="a"), NOON) == ["email"]
        assert await dispatcher.dispatch(make(id="b"), NOON) == []
        assert await dispatcher.dispatch(make(id="c", urgent=True), NOON) == ["email"]
    statsd.incr.assert_any_call("dropped.limit", 1)


async def test_zero_means_no_limit(make, channel, rules):
    rules.MAX_PER_USER_PER_HOUR = 0
    dispatcher = Dispatcher([channel()])
    assert [await dispatcher.dispatch(make(id=str(n)), NOON) for n in range(3)] == [["email"]] * 3


async def test_no_text_messages_at_night(make, channel):
    dispatcher = Dispatcher([channel(), channel("sms")])
    both = make(channels=["email", "sms"])
    assert dispatcher.wanted(both, NIGHT) == ["email"]
    assert dispatcher.wanted(both, NOON) == ["email", "sms"]
    assert dispatcher.wanted(make(channels=["sms"], urgent=True), NIGHT) == ["sms"]


@pytest.mark.parametrize("offset, quiet", [(0, True), (-4, False), (7, True), (9, False)])
def test_quiet_hours_are_local(offset, quiet):
    assert is_quiet(Contact(utc_offset=offset), NIGHT) is quiet


def test_equal_hours_are_never_quiet(rules):
    rules.QUIET_FROM = rules.QUIET_UNTIL = 0
    assert not is_quiet(Contact(), NIGHT)


def test_muted_and_unknown_channels(make, channel, caplog):
    dispatcher = Dispatcher([channel(), channel("inapp")])
    notification = make(channels=["email", "inapp", "pigeon"], contact={"muted": ["email"]})
    assert dispatcher.wanted(notification, NOON) == ["inapp"]
    assert caplog.records[0].kind == "welcome"


async def test_render_error_drops(make, channel):
    with patch("notifier.dispatch.logger.error") as error:
        assert await Dispatcher([channel()]).dispatch(make(kind="unheard_of"), NOON) == []
    assert str(error.call_args.args[0]) == "no template for unheard_of"


async def test_dry_run_sends_nothing(make, channel):
    email = channel()
    with patch("notifier.dispatch.config.DRY_RUN", True):
        assert await Dispatcher([email]).dispatch(make(), NOON) == ["email"]
    email.send.assert_not_awaited()


async def test_store_outage_is_not_fatal(caplog):
    with patch("notifier.store.r.set", AsyncMock(side_effect=RedisDown("gone"))):
        assert await store.first_time("n-1")
    assert caplog.messages == ["Store unreachable, not deduplicating: gone"]


def test_render_subject_and_body():
    context = {"name": "Ada", "order_id": 7, "tracking_url": "https://t.example/7"}
    subject, body = render("order_shipped", "sms", context)
    assert subject == "Your order 7 is on its way"
    assert body == "Order 7 shipped. Track: https://t.example/7"


def test_render_missing_value(caplog):
    with pytest.raises(RenderError):
        render("welcome", "email", {})
    assert caplog.messages == ["Template welcome.txt lacks a value: 'name' is undefined"]
    assert caplog.records[0].name == "notifier.rendering"
