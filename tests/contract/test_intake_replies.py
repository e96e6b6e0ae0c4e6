"""Replies by POST, PATCH and GET, on a real Postgres."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from shared.events.models import ReplyPosted
from tests.intake_http import REVIEWS, ApiWorld, api_world, assert_route_asks_for, code
from tests.parts import Database

WHOLE = {
    "text": "Thank you.",
    "author_name": "Kim",
    "department": "Service",
    "response_type": "Thanks",
    "response_source": "Console",
}


@pytest.fixture(scope="module")
async def world(module_database: Database) -> AsyncIterator[ApiWorld]:
    async with api_world(module_database) as world:
        yield world


async def a_review(world: ApiWorld) -> int:
    return int((await world.submit()).json()["review_id"])


async def test_the_first_free_slot(world: ApiWorld) -> None:
    path = f"{REVIEWS}/{await a_review(world)}/replies"
    slots = []
    for text in ("One.", "Two.", "Three."):
        answer = await world.http.post(path, json={"text": text})
        assert answer.status_code == 201
        slots.append(answer.json()["slot"])
    assert slots == [0, 1, 2]
    assert (await world.http.delete(f"{path}/1")).status_code == 200
    again = await world.http.post(path, json={"text": "Two again."})
    assert again.json() == {"reply_id": f"{path.split('/')[5]}.1", "slot": 1, "outcome": "set"}


async def test_two_at_once_take_two_slots(world: ApiWorld) -> None:
    path = f"{REVIEWS}/{await a_review(world)}/replies"
    answers = await asyncio.gather(*(world.http.post(path, json={"text": f"{number}."}) for number in range(8)))
    assert sorted(answer.json()["slot"] for answer in answers) == list(range(8))


async def test_a_key_that_is_sent_again_takes_no_other_slot(world: ApiWorld) -> None:
    review_id = await a_review(world)
    path, headers = f"{REVIEWS}/{review_id}/replies", {"Idempotency-Key": f"reply-{review_id}"}
    first = await world.http.post(path, json=WHOLE, headers=headers)
    again = await world.http.post(path, json=WHOLE, headers=headers)
    assert (first.status_code, first.json()) == (again.status_code, again.json())
    stored = await world.intake.pool.fetchval(
        "select answer::text from intake.idempotent_requests where idempotency_key = $1", headers["Idempotency-Key"]
    )
    # What is stored for the next time says nothing of what was said.
    assert "Thank you" not in stored
    assert (await world.http.post(path, json=WHOLE)).json()["slot"] == 1


async def test_a_change_of_some_fields(world: ApiWorld) -> None:
    path = f"{REVIEWS}/{await a_review(world)}/replies"
    await world.http.post(path, json=WHOLE)
    before = (await world.http.get(f"{path}/0")).json()
    assert before.items() >= WHOLE.items()
    changed = await world.http.patch(f"{path}/0", json={"department": "Sales", "author_name": None})
    assert changed.json()["outcome"] == "set"
    after = (await world.http.get(f"{path}/0")).json()
    assert after == before | {"department": "Sales", "author_name": None, "updated_at": after["updated_at"]}
    assert after["updated_at"] > before["updated_at"]
    unchanged = await world.http.patch(f"{path}/0", json={"department": "Sales"})
    assert unchanged.json()["outcome"] == "unchanged"
    event = (await world.intake.events())[-1]
    assert isinstance(event, ReplyPosted)
    assert (event.text, event.department, event.author_name) == ("Thank you.", "Sales", None)


async def test_what_is_not_there(world: ApiWorld) -> None:
    review_id = await a_review(world)
    path = f"{REVIEWS}/{review_id}/replies"
    assert code(await world.http.get(f"{path}/0")) == (404, "NOT_FOUND")
    assert code(await world.http.patch(f"{path}/0", json={"text": "x"})) == (404, "NOT_FOUND")
    assert code(await world.http.post(f"{REVIEWS}/5/replies", json=WHOLE)) == (404, "NOT_FOUND")
    assert code(await world.http.patch(f"{path}/100", json={"text": "x"})) == (422, "VALIDATION_ERROR")
    await world.http.post(path, json=WHOLE)
    assert code(await world.http.patch(f"{path}/0", json={"text": " "})) == (422, "VALIDATION_ERROR")
    refused = (await world.http.put(f"{path}/0", json={"text": " "})).json()["error"]
    assert refused["message"] == "text is empty; say something"
    await world.http.delete(f"{REVIEWS}/{review_id}")
    assert code(await world.http.post(path, json=WHOLE)) == (410, "REMOVED")


async def test_all_slots_taken(world: ApiWorld) -> None:
    review_id = await a_review(world)
    for slot in range(100):
        await world.http.put(f"{REVIEWS}/{review_id}/replies/{slot}", json={"text": "Taken."})
    assert code(await world.http.post(f"{REVIEWS}/{review_id}/replies", json=WHOLE)) == (409, "CONFLICT")


@pytest.mark.parametrize(
    ("method", "path", "scopes"),
    [
        ("POST", f"{REVIEWS}/5/replies", {"reply"}),
        ("PATCH", f"{REVIEWS}/5/replies/0", {"reply"}),
        ("GET", f"{REVIEWS}/5/replies/0", {"reply", "read"}),
    ],
)
async def test_scopes(world: ApiWorld, method: str, path: str, scopes: set[str]) -> None:
    await assert_route_asks_for(world, method, path, scopes)
