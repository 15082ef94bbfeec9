from datetime import date
from unittest.mock import patch

import pytest
from prometheus_client import REGISTRY

from app.core.config import Settings
from app.schemas import EntryCreate, LineIn
from app.services import posting

API = "/api/v1"


def sale(amount=1200, **more):
    lines = [{"account": "1000", "debit": amount}, {"account": "4000", "credit": amount}]
    return {"booked_on": "2024-03-01", "memo": "Cash sale", "lines": lines, **more}


async def test_post_and_read_back(client, chart, events):
    created = await client.post(f"{API}/entries", json=sale())
    assert created.status_code == 201
    body = created.json()
    assert body["posted_by"] == "ada"
    assert body["lines"] == [
        {"account": "1000", "debit": 1200, "credit": 0},
        {"account": "4000", "debit": 0, "credit": 1200},
    ]
    assert (await client.get(f"{API}/entries/{body['id']}")).json()["memo"] == "Cash sale"
    assert events.sent == [("entry.posted", {"entry_id": body["id"], "booked_on": date(2024, 3, 1)})]


async def test_audit_record(client, chart, logs):
    await client.post(f"{API}/entries", json=sale())
    [record] = [r for r in logs if r["extra"].get("audit")]
    assert record["message"] == "Entry posted"
    assert record["extra"]["lines"] == 2


async def test_idempotency_key_posts_once(client, chart, events):
    first = await client.post(f"{API}/entries", json=sale(idempotency_key="till-17"))
    second = await client.post(f"{API}/entries", json=sale(idempotency_key="till-17"))
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json()["id"] == second.json()["id"]
    assert len(events.sent) == 1


async def test_unbalanced_is_refused_and_counted(client, chart, logs, events):
    labels = {"reason": "unbalanced"}
    before = REGISTRY.get_sample_value("ledger_entries_rejected_total", labels) or 0
    payload = sale()
    payload["lines"][1]["credit"] = 1100
    response = await client.post(f"{API}/entries", json=payload)
    assert response.status_code == 422
    assert response.json()["detail"] == {
        "reason": "unbalanced",
        "message": "debits and credits differ: {'EUR': 100}",
    }
    assert REGISTRY.get_sample_value("ledger_entries_rejected_total", labels) == before + 1
    assert any(r["message"] == "Entry rejected" and r["extra"]["reason"] == "unbalanced" for r in logs)
    assert events.sent == []


async def test_each_currency_balances_by_itself(client, chart):
    payload = sale()
    payload["lines"][0]["account"] = "1900"
    response = await client.post(f"{API}/entries", json=payload)
    assert response.json()["detail"]["reason"] == "unbalanced"


async def test_unknown_account(client, chart):
    payload = sale()
    payload["lines"][0]["account"] = "7777"
    response = await client.post(f"{API}/entries", json=payload)
    assert response.json()["detail"] == {"reason": "unknown_account", "message": "no such account: 7777"}


async def test_closed_account(client, chart):
    await client.delete(f"{API}/accounts/1000")
    response = await client.post(f"{API}/entries", json=sale())
    assert response.json()["detail"]["reason"] == "account_closed"


@pytest.mark.parametrize("line", [{"debit": 5, "credit": 5}, {}, {"debit": -5}])
async def test_line_needs_exactly_one_side(client, chart, line):
    payload = sale()
    payload["lines"][0] = {"account": "1000", **line}
    assert (await client.post(f"{API}/entries", json=payload)).status_code == 422


async def test_too_many_lines(db, chart):
    few = Settings(MAX_LINES_PER_ENTRY=1)
    payload = EntryCreate(
        booked_on=date(2024, 3, 1), lines=[LineIn(account="1000", debit=1), LineIn(account="4000", credit=1)]
    )
    with patch("app.services.posting.get_settings", return_value=few):
        with pytest.raises(posting.PostingError, match="more than 1 lines"):
            await posting.post_entry(db, payload, "ada")


async def test_rejection_calls_the_logger(db, chart):
    payload = EntryCreate(
        booked_on=date(2024, 3, 1), lines=[LineIn(account="1000", debit=2), LineIn(account="4000", credit=1)]
    )
    with patch("app.services.posting.logger.warning") as warning:
        with pytest.raises(posting.Unbalanced):
            await posting.post_entry(db, payload, "ada")
    warning.assert_called_once_with(
        "Entry rejected", reason="unbalanced", detail="debits and credits differ: {'EUR': 1}"
    )


async def test_reversal_mirrors_and_happens_once(client, chart, events):
    entry = (await client.post(f"{API}/entries", json=sale())).json()
    reversal = await client.post(f"{API}/entries/{entry['id']}/reversal")
    assert reversal.status_code == 201
    assert reversal.json()["memo"] == f"Reversal of {entry['id']}: Cash sale"
    assert reversal.json()["lines"][0] == {"account": "1000", "debit": 0, "credit": 1200}
    again = await client.post(f"{API}/entries/{entry['id']}/reversal")
    assert again.status_code == 409
    assert again.json()["detail"]["reason"] == "already_reversed"
    assert [key for key, _ in events.sent] == ["entry.posted", "entry.reversed"]


async def test_entry_not_found(client):
    assert (await client.get(f"{API}/entries/404")).status_code == 404
    assert (await client.post(f"{API}/entries/404/reversal")).status_code == 404


async def test_trial_balance(client, chart, logs):
    await client.post(f"{API}/entries", json=sale())
    report = (await client.get(f"{API}/reports/trial-balance", params={"as_of": "2024-12-31"})).json()
    assert (report["debits"], report["credits"]) == (1200, 1200)
    balances = {row["code"]: row["balance"] for row in report["rows"]}
    assert balances == {"1000": 1200, "1010": 0, "1900": 0, "4000": 1200, "6000": 0}
    assert any(r["message"] == "Trial balance as of 2024-12-31: 1200 / 1200" for r in logs)


async def test_trial_balance_ignores_later_entries(client, chart):
    await client.post(f"{API}/entries", json=sale())
    report = (await client.get(f"{API}/reports/trial-balance", params={"as_of": "2024-02-01"})).json()
    assert report["debits"] == 0
