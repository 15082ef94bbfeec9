import argparse
import asyncio
import atexit
import logging
import os
import signal

import httpx

from notifier import __version__, config, control, log
from notifier.channels import EmailChannel, InAppChannel, SmsChannel
from notifier.consumer import Worker, init_consumer, init_producer
from notifier.dispatch import Dispatcher
from notifier.settings import settings

logger = logging.getLogger("notifier")


@atexit.register
def _goodbye():
    logger.debug("Exit")


def build_channels(http):
    channels = [EmailChannel(http, logger), InAppChannel(logger)]
    if config.SMS_ENABLED:
        channels.append(SmsChannel(http, logger))
    else:
        logging.info("Text messages are off")
    return channels


def install_signals(loop, worker):
    for sig in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(sig, worker.stop)
    loop.add_signal_handler(signal.SIGHUP, control.reload_rules)


async def serve():
    consumer = await init_consumer(logger)
    producer = await init_producer(logger)
    async with httpx.AsyncClient() as http:
        worker = Worker(consumer, producer, Dispatcher(build_channels(http)), logger)
        install_signals(asyncio.get_running_loop(), worker)
        try:
            await worker.run()
        finally:
            await consumer.stop()
            await producer.stop()
    return worker.handled


def parser():
    p = argparse.ArgumentParser(prog="notifier", description="Send notifications for events on a topic.")
    p.add_argument("--version", action="version", version=__version__)
    p.add_argument("--debug", action="store_true", help="log everything")
    p.add_argument("--show-config", action="store_true", help="print the configuration and leave")
    p.add_argument("--max-attempts", type=int, default=int(os.getenv("RULES_MAX_ATTEMPTS", 3)))
    return p


def main(argv=None):
    args = parser().parse_args(argv)
    logging.basicConfig(level=logging.DEBUG if args.debug else logging.INFO)
    log.setup("DEBUG" if args.debug else None)
    log.quiet_root()
    settings.MAX_ATTEMPTS = args.max_attempts
    if args.show_config:
        config.log_config(logger)
        print(f"notifier {__version__} ({config.ENVIRONMENT})")
        return 0
    logger.info("notifier %s starting", __version__, extra={"environment": config.ENVIRONMENT})
    try:
        handled = asyncio.run(serve())
    except Exception as e:
        logging.error(e)
        logger.critical("Giving up", exc_info=True)
        return 1
    logger.info("notifier done, %d events", handled)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
