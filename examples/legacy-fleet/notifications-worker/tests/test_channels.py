import json
import logging
from unittest.mock import AsyncMock, MagicMock, mock_open, patch

import httpx
import pytest
from redis.exceptions import ConnectionError as RedisDown

from notifier.channels import DeliveryError, EmailChannel, InAppChannel, SmsChannel, Undeliverable


def http(status=200, seen=None):
    def answer(request):
        if seen is not None:
            seen.append(request)
        return httpx.Response(status)

    return httpx.AsyncClient(transport=httpx.MockTransport(answer))


def sms(client, logger=logging):
    with patch("notifier.channels.sms.open", mock_open(read_data="key-1\n"), create=True):
        return SmsChannel(client, logger)


async def test_email_payload(make):
    seen = []
    with patch("notifier.config.MAIL_TOKEN", "tok"):
        await EmailChannel(http(seen=seen)).send(make(), "Hi", "Body")
    assert json.loads(seen[0].content)["to"] == "ada@example.com"
    assert seen[0].headers["Authorization"] == "Bearer tok"


async def test_email_without_address(make):
    with pytest.raises(Undeliverable, match="no e-mail address"):
        await EmailChannel(http()).send(make(contact={}), "Hi", "Body")


async def test_blocked_domain_warns_on_the_given_logger(make):
    logger = MagicMock()
    with pytest.raises(Undeliverable):
        await EmailChannel(http(), logger).send(make(contact={"email": "x@SPAM.example"}), "Hi", "Body")
    logger.warn.assert_called_once_with("Domain spam.example is blocked", extra={"user_id": "u-7"})


@pytest.mark.parametrize("status, error", [(503, DeliveryError), (429, DeliveryError), (404, Undeliverable)])
async def test_provider_answers(make, status, error):
    with pytest.raises(error, match=str(status)):
        await EmailChannel(http(status)).send(make(), "Hi", "Body")


async def test_unreachable_provider_is_logged_with_traceback(make, caplog):
    client = AsyncMock()
    client.post.side_effect = httpx.ConnectError("refused")
    with pytest.raises(DeliveryError, match="refused"):
        await EmailChannel(client, logging.getLogger("notifier")).send(make(), "Hi", "Body")
    [record] = caplog.records
    assert record.msg == "%s provider unreachable"
    assert record.args == ("email",)
    assert record.exc_info[0] is httpx.ConnectError


async def test_sms_is_cut_and_signed(make):
    seen = []
    with patch("notifier.channels.sms.config.SMS_KEY_PATH", "/keys/sms"):
        await sms(http(seen=seen)).send(make(), "Hi", "x" * 200)
    body = json.loads(seen[0].content)
    assert body["region"] == "gb"
    assert len(body["text"]) == 160
    assert seen[0].headers["X-Api-Key"] == "key-1"


async def test_sms_without_route(make):
    logger = MagicMock()
    with pytest.raises(Undeliverable):
        await sms(http(), logger).send(make(contact={"phone": "+1555"}), "Hi", "Body")
    logger.info.assert_called_once_with("No route to %s...", "+15")


async def test_inapp_publishes(make, redis):
    await InAppChannel(MagicMock()).send(make(), "Hi", "Body")
    [(name, text)] = redis.published
    assert name == "user:u-7"
    assert json.loads(text) == {"id": "n-1", "title": "Hi", "text": "Body"}


async def test_inapp_failure(make, redis):
    logger = MagicMock()
    with patch.object(redis, "publish", AsyncMock(side_effect=RedisDown("gone"))), pytest.raises(DeliveryError):
        await InAppChannel(logger).send(make(), "Hi", "Body")
    logger.exception.assert_called_once_with("Publishing to %s failed", "u-7")


def test_default_logger_is_the_module():
    assert EmailChannel(http()).logger is logging
