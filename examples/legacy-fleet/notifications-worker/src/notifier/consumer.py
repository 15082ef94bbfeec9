import asyncio
import logging

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.errors import KafkaError

from notifier import config, metrics
from notifier.log import set_event_id
from notifier.models import BadEvent, parse
from notifier.settings import settings


async def init_consumer(logger):
    logger.info("Connecting to %s", ",".join(config.KAFKA_BROKERS))
    consumer = AIOKafkaConsumer(
        config.KAFKA_TOPIC,
        bootstrap_servers=config.KAFKA_BROKERS,
        group_id=config.KAFKA_GROUP,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
    )
    await consumer.start()
    logger.info("Subscribed to %s as %s", config.KAFKA_TOPIC, config.KAFKA_GROUP)
    return consumer


async def init_producer(logger=logging):
    producer = AIOKafkaProducer(bootstrap_servers=config.KAFKA_BROKERS)
    await producer.start()
    logger.info("Producer ready")
    return producer


class Worker:
    def __init__(self, consumer, producer, dispatcher, logger=logging):
        self.consumer = consumer
        self.producer = producer
        self.dispatcher = dispatcher
        self.logger = logger
        self.stopping = asyncio.Event()
        self.handled = 0

    def stop(self):
        self.logger.info("Stop requested")
        self.stopping.set()

    async def dead_letter(self, message, reason):
        self.logger.warn("Dead letter: %s", reason, extra={"offset": message.offset})
        headers = [("reason", str(reason).encode())]
        try:
            await self.producer.send_and_wait(config.DEAD_LETTER_TOPIC, message.value, headers=headers)
        except KafkaError:
            self.logger.exception("Dead letter lost")
        metrics.count("dead")

    async def handle(self, message):
        try:
            notification = parse(message.value)
        except BadEvent as e:
            await self.dead_letter(message, e)
            return
        set_event_id(notification.id)
        try:
            sent = await self.dispatcher.dispatch(notification)
            self.logger.info("Handled %s by %s", notification.kind, sent or "nobody")
        except Exception as e:
            self.logger.error("Failed: " + notification.id, exc_info=e)
            await self.dead_letter(message, e)
        finally:
            set_event_id(None)
            self.handled += 1

    async def run(self):
        while not self.stopping.is_set():
            batches = await self.consumer.getmany(timeout_ms=settings.POLL_TIMEOUT_MS)
            for messages in batches.values():
                for message in messages:
                    await self.handle(message)
            if batches:
                await self.consumer.commit()
        self.logger.info("Stopped after %d events", self.handled)
