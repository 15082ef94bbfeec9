import logging

import httpx


class DeliveryError(Exception):
    """Worth another attempt."""


class Undeliverable(Exception):
    """No attempt will succeed."""


class Channel:
    name = "none"

    def __init__(self, logger=logging):
        self.logger = logger

    async def send(self, notification, subject, body):
        raise NotImplementedError


class HttpChannel(Channel):
    def __init__(self, http: httpx.AsyncClient, logger=logging):
        super().__init__(logger)
        self.http = http

    async def post(self, url, payload, headers=None, timeout=5.0):
        try:
            response = await self.http.post(url, json=payload, headers=headers, timeout=timeout)
        except httpx.HTTPError as e:
            self.logger.error("%s provider unreachable", self.name, exc_info=True)
            raise DeliveryError(str(e)) from e
        if response.status_code >= 500 or response.status_code == 429:
            raise DeliveryError(f"provider answered {response.status_code}")
        if response.status_code >= 400:
            raise Undeliverable(f"provider answered {response.status_code}")
        self.logger.debug(f"{self.name} provider answered {response.status_code}")
        return response
