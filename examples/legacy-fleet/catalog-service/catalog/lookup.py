"""Asks the bibliography service what it knows about a book."""

import logging
import os

import requests
from flask import current_app

log = logging.getLogger(__name__)


def lookup(isbn):
    """Title, author and year, as far as known; an empty dict when the service cannot say."""
    url = current_app.config["LOOKUP_URL"]
    if not url:
        return {}
    headers = {"Accept": "application/json"}
    if os.getenv("LOOKUP_TOKEN"):
        headers["Authorization"] = "Bearer " + os.environ["LOOKUP_TOKEN"]
    try:
        answer = requests.get(f"{url}/{isbn}", headers=headers, timeout=current_app.config["LOOKUP_TIMEOUT"])
        answer.raise_for_status()
    except requests.Timeout:
        log.warning("bibliography did not answer within %.1f s", current_app.config["LOOKUP_TIMEOUT"])
        return {}
    except requests.RequestException as e:
        log.error(f"bibliography failed for {isbn}: {e}")
        return {}
    found = answer.json()
    log.info("found %s by %s", found.get("title"), found.get("author"))
    return {key: found[key] for key in ("title", "author", "year") if found.get(key)}
