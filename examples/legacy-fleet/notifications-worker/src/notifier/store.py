import logging
import time

import redis.asyncio as redis

from notifier import config
from notifier.settings import settings

log = logging.getLogger("notifier")


def cfg():
    return {"host": config.REDIS_HOST, "port": int(config.REDIS_PORT), "db": config.REDIS_DB}


r = redis.Redis(**cfg())


async def first_time(notification_id) -> bool:
    """False when this notification was handled before. An unreachable store counts as the first time."""
    try:
        return bool(await r.set(f"seen:{notification_id}", "1", nx=True, ex=config.DEDUPE_TTL))
    except redis.RedisError as e:
        log.warn("Store unreachable, not deduplicating: %s" % e)
        return True


async def forget(notification_id) -> None:
    await r.delete(f"seen:{notification_id}")


async def under_limit(user_id, now=None) -> bool:
    if settings.MAX_PER_USER_PER_HOUR == 0:
        return True
    key = f"rate:{user_id}:{int((now or time.time()) // 3600)}"
    used = await r.incr(key)
    if used == 1:
        await r.expire(key, 3600)
    if used > settings.MAX_PER_USER_PER_HOUR:
        log.info("Limit reached", extra={"user_id": user_id, "used": used})
        return False
    return True
