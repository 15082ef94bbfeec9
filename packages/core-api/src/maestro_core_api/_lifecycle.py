"""Where an application is in its life: starting, serving, draining."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from enum import Enum
from typing import Any

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


class Phase(Enum):
    """A phase of an application's life."""

    UNKNOWN = "unknown"  # no lifespan was run; a server that runs none still serves
    STARTING = "starting"
    SERVING = "serving"
    DRAINING = "draining"


class Lifecycle:
    """The phase of one application in this process, told by the ASGI lifespan or by `begin_drain`."""

    def __init__(self) -> None:
        self.phase = Phase.UNKNOWN
        self.in_flight = 0
        # What the lifespan may put its state into, as the server gave it.
        self.state: object = None

    @property
    def has_started(self) -> bool:
        """Whether start-up is over, as far as anybody can tell."""
        return self.phase is not Phase.STARTING

    @property
    def accepts_traffic(self) -> bool:
        """Whether a load balancer should send requests here."""
        return self.phase in (Phase.UNKNOWN, Phase.SERVING)

    def begin_drain(self) -> None:
        """Answer "not ready" from now on; requests are still served, so that none is lost while routes change."""
        self.phase = Phase.DRAINING

    def watched(self, receive: Receive, send: Send) -> tuple[Receive, Send]:
        """Wrap the two ends of an ASGI lifespan so that the phase follows it."""

        async def receive_watched() -> Message:
            message = await receive()
            if message["type"] == "lifespan.startup":
                self.phase = Phase.STARTING
            elif message["type"] == "lifespan.shutdown":
                self.begin_drain()
            return message

        async def send_watched(message: Message) -> None:
            if message["type"] == "lifespan.startup.complete":
                self.phase = Phase.SERVING
            elif message["type"] == "lifespan.shutdown.complete":
                # A server asks nothing any more; the next test's client, which runs no lifespan, does.
                self.phase = Phase.UNKNOWN
            await send(message)

        return receive_watched, send_watched
