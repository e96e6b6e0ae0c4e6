"""Policies over HTTP, on a real Postgres and through the role that the service has."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import asyncpg
import httpx
import pytest

from services.moderation.api import ModerationApi
from services.moderation.desk import Desk
from services.moderation.policies import built_in
from services.moderation.policy.policy import default_policy
from services.moderation.policy.problem import Problem
from shared.access import ApiKeys, new_key
from shared.clock import SystemClock
from shared.http.app import create_app
from shared.postgres.pool import create_pool
from shared.service import Health
from tests.moderation_world import NOW, approving, holding, process, submission, worker
from tests.parts import Database

SHOP = "/v1/sites/shop/policies"
EVERYWHERE = "/v1/policies"
KEYS = {
    "admin": ("shop", ["admin"]),
    "reader": ("shop", ["read"]),
    "moderator": ("shop", ["moderate"]),
    "submitter": ("shop", ["submit"]),
    "stranger": ("other", ["admin"]),
    "operator": (None, ["admin"]),
}


@dataclass
class Office:
    pool: asyncpg.Pool[Any]
    http: httpx.AsyncClient
    key_ids: dict[str, str]
    tokens: dict[str, str]

    async def call(
        self, method: str, path: str, expected: int = 200, as_: str = "operator", **arguments: Any
    ) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {self.tokens[as_]}"}
        answer = await self.http.request(method, path, headers=headers, **arguments)
        assert answer.status_code == expected, answer.text
        body: dict[str, Any] = answer.json()
        return body

    async def save(self, source: str, under: str = SHOP, expected: int = 201, **body: Any) -> dict[str, Any]:
        return await self.call("POST", under, expected, json={"source": source, **body})

    async def activate(self, name: str, version: int, under: str = SHOP, expected: int = 200, **body: Any) -> Any:
        return await self.call("PUT", f"{under}/active", expected, json={"name": name, "version": version, **body})


@pytest.fixture
async def office(database: Database) -> AsyncIterator[Office]:
    made = {name: new_key() for name in KEYS}
    owner = await asyncpg.connect(database.dsn)
    await owner.executemany(
        "insert into access.api_keys (key_id, site, label, secret_hash, scopes) values ($1, $2, $3, $4, $5)",
        [(made[name].key_id, site, name, made[name].secret_hash, scopes) for name, (site, scopes) in KEYS.items()],
    )
    await owner.close()
    async with await create_pool(database.role("moderation"), application_name="test") as pool:
        await built_in.register(pool, NOW)
        api = ModerationApi(pool, ApiKeys(pool), Desk(pool, SystemClock()))
        transport = httpx.ASGITransport(create_app("moderation", api.routes(), Health()))
        async with httpx.AsyncClient(transport=transport, base_url="http://moderation") as http:
            ids = {name: key.key_id for name, key in made.items()}
            yield Office(pool, http, ids, {name: key.token for name, key in made.items()})


async def test_a_site_without_policies_follows_what_is_built_in(office: Office) -> None:
    answer = await office.call("GET", SHOP, as_="reader")
    version = default_policy().version
    assert answer["active"] == {"scope": "*", "name": "default", "version": version}
    assert answer["is_inherited"] is True
    assert (answer["rollout"], answer["shadow"]) == (None, None)
    assert [(one["scope"], one["name"], one["version"]) for one in answer["policies"]] == [("*", "default", version)]
    source = (await office.call("GET", f"{SHOP}/default/versions/{version}", as_="moderator"))["source"]
    assert "strong-profanity" in source


async def test_who_saved_for_every_site_is_for_keys_of_every_site(office: Office) -> None:
    await office.save(holding(), EVERYWHERE, note="They asked.", moderator="Ada")
    for path in (SHOP, f"{SHOP}/strict/versions/1"):
        answers = [await office.call("GET", path), await office.call("GET", path, as_="reader")]
        told, untold = (
            next(one for one in answer.get("policies", [answer]) if one["name"] == "strict") for answer in answers
        )
        assert told["created_by"] == {"id": office.key_ids["operator"], "moderator": "Ada"}
        assert told["note"] == "They asked."
        assert (untold["created_by"], untold["note"]) == ({"id": None, "moderator": None}, None)
    saved = await office.save(holding("hats"), note="Ours.", moderator="Kim")
    own = await office.call("GET", f"{SHOP}/{saved['name']}/versions/{saved['version']}", as_="reader")
    assert (own["scope"], own["created_by"]["moderator"], own["note"]) == ("shop", "Kim", "Ours.")


async def test_a_policy_is_saved_once_and_activated(office: Office) -> None:
    saved = await office.save(holding(), note="No boots.", moderator="Ada")
    assert (saved["scope"], saved["name"], saved["version"], saved["created"]) == ("shop", "strict", 1, True)
    assert saved["created_by"] == {"id": office.key_ids["operator"], "moderator": "Ada"}
    assert saved["warnings"] == []
    again = await office.save(holding(), expected=200)
    assert (again["version"], again["created"], again["note"]) == (1, False, "No boots.")

    active = await office.activate("strict", 1, note="Now.", moderator="Ada")
    assert (active["changed"], active["active"]["name"], active["is_inherited"]) == (True, "strict", False)
    assert (await office.activate("strict", 1))["changed"] is False
    await process(office.pool, worker(), submission(1), submission(2, site="other"))
    case = await office.call("GET", "/v1/sites/shop/cases/1", as_="reader")
    assert case["decisions"][0]["policy"] == {"name": "strict", "version": 1, "scope": "shop"}
    assert (case["status"], case["queue"], case["rule"]) == ("held", "words", "has-word")
    assert (await office.call("GET", "/v1/sites/other/cases/2"))["status"] == "approved"

    events = (await office.call("GET", f"{SHOP}/log", as_="reader"))["events"]
    assert [event["what"] for event in events] == ["activated", "saved"]
    assert (events[0]["actor"], events[0]["moderator"], events[0]["note"]) == (
        office.key_ids["operator"],
        "Ada",
        "Now.",
    )
    assert events[0]["replaced_name"] == "default"


async def test_the_yaml_itself_may_be_the_body(office: Office) -> None:
    headers = {"Content-Type": "application/yaml; charset=utf-8"}
    tokens = {"X-Api-Key": office.tokens["admin"]}
    saved = await office.http.post(SHOP, content=holding().encode(), headers=headers | tokens)
    assert (saved.status_code, saved.json()["name"]) == (201, "strict")
    checked = await office.http.post(f"{SHOP}/check", content=b"rules: 7", headers=headers | tokens)
    assert checked.json()["sound"] is False
    assert (await office.http.post(SHOP, content=b"\xff", headers=headers | tokens)).status_code == 400
    too_long = b"# " + b"x" * 200_000
    assert (await office.http.post(SHOP, content=too_long, headers=headers | tokens)).status_code == 413


async def test_errors_are_refused_with_place_and_hint_and_warnings_come_along(office: Office) -> None:
    refused = (await office.save(holding().replace("review.text", "review.txt"), expected=422))["error"]
    assert (refused["code"], refused["field"]) == ("VALIDATION_ERROR", "source")
    (problem,) = [one for one in refused["problems"] if one["severity"] == "error"]
    assert problem["line"] == 4
    assert problem["column"] > 1
    assert "txt" in problem["message"]
    assert "hint" in problem

    by_stars = holding().replace('review.text.contains("boots")', "review.rating <= 2")
    warnings = (await office.save(by_stars))["warnings"]
    assert [warning["severity"] for warning in warnings] == ["warning"]
    assert "rating" in warnings[0]["message"]

    checked = await office.call("POST", f"{SHOP}/check", as_="reader", json={"source": "rules: 7"})
    assert checked["sound"] is False
    assert (await office.call("POST", f"{SHOP}/check", json={"source": holding()}))["sound"] is True
    assert len((await office.call("GET", SHOP))["policies"]) == 2


async def test_what_is_not_there_and_what_has_moved_is_said(office: Office) -> None:
    assert (await office.activate("strict", 1, expected=404))["error"]["code"] == "NOT_FOUND"
    await office.save(holding())
    stale = {"name": "easy", "version": 1}
    moved = (await office.activate("strict", 1, expected=409, expected_active=stale))["error"]
    assert moved["active"]["name"] == "default"
    built = {"name": "default", "version": default_policy().version}
    assert (await office.activate("strict", 1, expected_active=built))["changed"] is True
    for path in (f"{SHOP}/strict/versions/2", f"{SHOP}/strict/versions/x", f"{SHOP}/strict/versions/99999999999"):
        await office.call("GET", path, 404)
    await office.call("DELETE", f"{SHOP}/rollout", 404)
    await office.call("DELETE", f"{SHOP}/shadow", 404)
    await office.call("GET", f"{SHOP}/shadow", 404)
    candidate = {"name": "strict", "version": 1}
    await office.call("PUT", f"{SHOP}/shadow", 409, json=candidate)
    await office.call("PUT", f"{SHOP}/rollout", 409, json={**candidate, "percent": 5})
    await office.call("PUT", f"{SHOP}/rollout", 422, json={**candidate, "percent": 101})
    await office.call("PUT", f"{SHOP}/active", 422, json={**candidate, "expect_active": candidate})


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("PUT", "/active", {"name": "a\0", "version": 1}, 422),
        ("PUT", "/active", {"name": "a", "version": 1, "expected_active": {"name": "\0", "version": 1}}, 422),
        ("PUT", "/rollout", {"name": "a\0", "version": 1, "percent": 5}, 422),
        ("PUT", "/shadow", {"name": "a\0", "version": 1}, 422),
        ("GET", "/shadow?name=a%00&version=1", None, 404),
        ("GET", "/a%00/versions/1", None, 404),
    ],
)
async def test_what_postgres_would_not_take_is_no_fault_of_ours(
    office: Office, method: str, path: str, body: Any, status: int
) -> None:
    await office.call(method, f"{SHOP}{path}", status, json=body)


async def test_a_long_check_keeps_nobody_else_waiting(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    begun, done = threading.Event(), threading.Event()

    def slow(source: str) -> list[Problem]:
        begun.set()
        assert done.wait(10), "nobody else was served"
        return []

    monkeypatch.setattr("services.moderation.policy_api.check_policy", slow)
    check = asyncio.ensure_future(office.call("POST", f"{SHOP}/check", json={"source": approving()}))
    await asyncio.to_thread(begun.wait, 10)
    await office.call("GET", SHOP)
    done.set()
    await check


async def test_the_name_of_the_built_in_policy_is_refused_for_every_site(office: Office) -> None:
    error = (await office.save(approving("default"), EVERYWHERE, 422))["error"]
    assert "choose another name" in error["message"]


async def test_a_candidate_in_shadow_over_http(office: Office) -> None:
    await office.save(holding(), EVERYWHERE)
    await office.call("PUT", f"{EVERYWHERE}/shadow", json={"name": "strict", "version": 1, "note": "Try."})
    assert (await office.call("GET", SHOP))["shadow"]["name"] == "strict"
    text = "These boots have a secret."
    await process(office.pool, worker(), submission(1, text), submission(2, text, site="other"))

    summary = await office.call("GET", f"{SHOP}/shadow", as_="reader")
    assert (summary["reviews"], summary["changed"], summary["failed"]) == (1, 1, 0)
    assert summary["outcomes"] == [{"live": "approved", "shadow": "held", "reviews": 1}]
    assert summary["rules"] == [{"rule": "has-word", "reviews": 1, "changed": 1}]
    (change,) = summary["changes"]
    assert (change["review_id"], change["live_rule"], change["rule"]) == (1, "default", "has-word")
    assert "secret" not in str(summary)
    assert (await office.call("GET", f"{EVERYWHERE}/shadow"))["reviews"] == 2

    await office.call("DELETE", f"{EVERYWHERE}/shadow")
    await office.call("GET", f"{SHOP}/shadow", 404)
    earlier = await office.call("GET", f"{SHOP}/shadow", params={"name": "strict", "version": 1})
    assert earlier["reviews"] == 1
    await office.call("GET", f"{SHOP}/shadow", 422, params={"name": "strict"})


async def test_a_rollout_is_promoted_by_activation(office: Office) -> None:
    await office.save(holding())
    candidate = {"name": "strict", "version": 1}
    rolled = await office.call("PUT", f"{SHOP}/rollout", json={**candidate, "percent": 25})
    assert rolled["rollout"] == {"scope": "shop", **candidate, "percent": 25}
    assert rolled["active"]["name"] == "default"
    promoted = await office.activate("strict", 1)
    assert (promoted["active"]["name"], promoted["rollout"]) == ("strict", None)
    followed = await office.call("DELETE", f"{SHOP}/active")
    assert (followed["active"]["name"], followed["is_inherited"]) == ("default", True)
    whats = [event["what"] for event in (await office.call("GET", f"{SHOP}/log"))["events"]]
    assert whats == ["followed", "rollout-stopped", "activated", "rollout-set", "saved"]
    page = await office.call("GET", f"{SHOP}/log", params={"limit": 2})
    rest = await office.call("GET", f"{SHOP}/log", params={"before": page["next_before"]})
    assert [event["what"] for event in page["events"] + rest["events"]] == whats


CHANGES = (
    ("POST", "", {"source": "x"}),
    ("PUT", "/active", {"name": "a", "version": 1}),
    ("PUT", "/rollout", {"name": "a", "version": 1, "percent": 1}),
    ("DELETE", "/rollout", None),
    ("PUT", "/shadow", {"name": "a", "version": 1}),
    ("DELETE", "/shadow", None),
)


@pytest.mark.parametrize(("method", "path", "body"), CHANGES)
async def test_who_may_change(office: Office, method: str, path: str, body: Any) -> None:
    for name in ("reader", "moderator", "submitter", "stranger"):
        await office.call(method, SHOP + path, 403, name, json=body)
    for name in ("admin", "reader", "stranger"):
        await office.call(method, EVERYWHERE + path, 403, name, json=body)


async def test_who_may_read_and_that_sites_are_apart(office: Office) -> None:
    await office.save(holding())
    for path in ("", "/log", "/strict/versions/1"):
        for name in ("reader", "moderator", "admin"):
            await office.call("GET", SHOP + path, as_=name)
        for name in ("submitter", "stranger"):
            await office.call("GET", SHOP + path, 403, name)
        await office.call("GET", EVERYWHERE + path, 403, "admin")
    other = await office.call("GET", "/v1/sites/other/policies", as_="stranger")
    assert "strict" not in str(other)
    await office.call("GET", "/v1/sites/other/policies/strict/versions/1", 404, "stranger")
    await office.activate("strict", 1, "/v1/sites/other/policies", 404)
