from tests.conftest import mint

API = "/api/v1"


async def test_open_and_list_accounts(client):
    created = await client.post(f"{API}/accounts", json={"code": "1000", "name": "Bank", "kind": "asset"})
    assert created.status_code == 201
    assert created.json() == {"code": "1000", "name": "Bank", "kind": "asset", "currency": "EUR", "closed": False}
    assert [row["code"] for row in (await client.get(f"{API}/accounts")).json()] == ["1000"]


async def test_opening_is_logged_with_fields(client, logs):
    await client.post(f"{API}/accounts", json={"code": "1000", "name": "Bank", "kind": "asset"})
    record = next(r for r in logs if r["message"] == "Account opened")
    assert record["extra"]["code"] == "1000"
    assert record["extra"]["operator"] == "ada"
    assert record["name"] == "app.api.accounts"


async def test_same_code_twice_conflicts(client, chart):
    response = await client.post(f"{API}/accounts", json={"code": "1000", "name": "Again", "kind": "asset"})
    assert response.status_code == 409
    assert response.json() == {"detail": "Account 1000 exists"}


async def test_code_must_be_digits(client):
    response = await client.post(f"{API}/accounts", json={"code": "bank", "name": "Bank", "kind": "asset"})
    assert response.status_code == 422


async def test_reader_may_not_open(client):
    response = await client.post(
        f"{API}/accounts",
        json={"code": "1000", "name": "Bank", "kind": "asset"},
        headers={"Authorization": f"Bearer {mint(roles=['reader'])}"},
    )
    assert response.status_code == 403


async def test_close_hides_from_list(client, chart):
    assert (await client.delete(f"{API}/accounts/6000")).status_code == 204
    codes = [row["code"] for row in (await client.get(f"{API}/accounts")).json()]
    assert "6000" not in codes
    everything = await client.get(f"{API}/accounts", params={"include_closed": True})
    assert "6000" in [row["code"] for row in everything.json()]


async def test_account_with_balance_stays_open(client, chart):
    lines = [{"account": "1000", "debit": 500}, {"account": "4000", "credit": 500}]
    await client.post(f"{API}/entries", json={"booked_on": "2024-01-02", "lines": lines})
    response = await client.delete(f"{API}/accounts/1000")
    assert response.status_code == 409
    assert "balance of 500" in response.json()["detail"]


async def test_unknown_account_is_404(client):
    assert (await client.delete(f"{API}/accounts/9999")).status_code == 404
