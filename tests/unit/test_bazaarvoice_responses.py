"""The Response API: client responses written with an API key, and read by anybody."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

import httpx
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.query.bazaarvoice.response_guid import Place, read_guid, response_guid
from services.query.intake import IntakeRefused
from services.query.problem import unavailable
from shared.events.ids import MAX_REVIEW_ID
from shared.http.rate_limit import Rate, RateLimiter
from tests.bazaarvoice_examples import FULL_REVIEW, review_row
from tests.storefront_world import REVIEW, TOKEN, Shop, Storefront

REVIEWS = "/response/v1/clientResponses/shop/reviews"
PATH = f"{REVIEWS}/{REVIEW}"
KEY = {"Authorization": "Bearer plk_abcdefghijkl_secret"}
NAMES = ["attributes", "response", "Department", "responseBy", "name"]
BODY = {"attributes": {"department": "Service", "response": "Thank you.", "responseBy": "Kim"}}


def refusal(response: httpx.Response) -> tuple[int, str]:
    (error,) = response.json()["errors"]
    assert error["status"] == str(response.status_code)
    assert error["title"]
    return response.status_code, error["detail"]


@given(st.integers(1, MAX_REVIEW_ID), st.integers(0, 99))
def test_a_guid_tells_the_review_and_the_slot(review_id: int, slot: int) -> None:
    guid = response_guid(Place(review_id, slot))
    assert UUID(guid).version == 8
    assert read_guid(guid) == read_guid(guid.upper()) == Place(review_id, slot)


@given(st.one_of(st.text(max_size=40), st.uuids().map(str)))
def test_what_was_not_made_here_names_nothing(text: str) -> None:
    assert read_guid(text) is None


def test_a_digit_changed_names_nothing() -> None:
    guid = response_guid(Place(REVIEW, 3))
    changed = [guid[:place] + ("0" if guid[place] != "0" else "1") + guid[place + 1 :] for place in range(36)]
    assert [read_guid(text) for text in changed] == [None] * 36


async def test_a_response_from_beginning_to_end() -> None:
    front = Storefront()
    client = front.client()
    made = await client.post(PATH, json=BODY, headers=KEY | {"Idempotency-Key": "once-1"})
    assert made.status_code == 200
    first = made.json()
    assert first == {
        "type": "clientResponse",
        "id": response_guid(Place(REVIEW, 0)),
        "attributes": {
            "response": "Thank you.",
            "responseBy": "Kim",
            "department": "Service",
            "responseType": None,
            "responseSource": None,
            "created": "2026-03-01T00:00:00Z",
            "updated": "2026-03-02T00:00:00Z",
        },
        "relationships": {"review": {"data": {"type": "review", "id": str(REVIEW), "clientName": "shop"}}},
    }
    assert made.headers["cache-control"] == "no-store"
    second = (await client.post(PATH, json={"Response": "And again.", "Name": "Lee"}, headers=KEY)).json()
    assert second["id"] == response_guid(Place(REVIEW, 1))
    assert second["attributes"]["responseBy"] == "Lee"
    assert front.intake.idempotency_keys == ["once-1", None]
    changes = {"attributes": {"department": "Sales"}}
    changed = await client.patch(f"{PATH}/{first['id']}", json=changes, headers=KEY)
    assert changed.json()["attributes"]["department"] == "Sales"
    assert changed.json()["attributes"]["response"] == "Thank you."
    gone = await client.delete(f"{PATH}/{first['id']}", headers=KEY)
    assert (gone.status_code, gone.content) == (204, b"")
    assert list(front.intake.replies) == [("shop", REVIEW, 1)]
    assert set(front.intake.authorizations) == {KEY["Authorization"]}


async def test_the_id_alone_names_a_response_of_the_hosts_site() -> None:
    front = Storefront()
    client = front.client()
    guid = (await client.post(PATH, json=BODY, headers=KEY)).json()["id"]
    path = f"/response/v1/clientResponses/{guid}"
    assert (await client.patch(path, json={"response": "Sorry."}, headers=KEY)).status_code == 200
    assert front.intake.replies["shop", REVIEW, 0]["text"] == "Sorry."


async def test_anybody_reads_what_is_public_and_nothing_else() -> None:
    row = review_row(review_id=REVIEW, replies=[*FULL_REVIEW["replies"], FULL_REVIEW["replies"][0] | {"slot": 4}])
    front = Storefront(Shop(review=row))
    client = front.client()
    (first, second) = (await client.get(PATH)).json()["data"]
    assert first["id"] == response_guid(Place(REVIEW, 0))
    assert first["attributes"]["response"] == "Thank you."
    assert first["attributes"]["responseType"] == "Apology"
    one = (await client.get(f"{PATH}/{second['id']}")).json()
    assert one == {"data": [second]}
    # What only intake knows is not shown, not even to those who may write it.
    await client.post(PATH, json=BODY, headers=KEY)
    assert len((await client.get(PATH, headers=KEY)).json()["data"]) == 2
    for path in (f"{PATH}/{response_guid(Place(REVIEW, 1))}", f"{REVIEWS}/7", PATH.replace("shop", "other")):
        assert refusal(await client.get(path))[0] == 404


@pytest.mark.parametrize(
    "headers", [{}, {"Authorization": ""}, {"Authorization": f"Bearer {TOKEN}"}, {"Authorization": "Basic plk_x"}]
)
async def test_a_pass_key_authorises_nothing(headers: dict[str, str]) -> None:
    front = Storefront()
    client = front.client()
    guid = response_guid(Place(REVIEW, 0))
    for method, path in (("POST", PATH), ("PATCH", f"{PATH}/{guid}"), ("DELETE", f"{PATH}/{guid}")):
        response = await client.request(method, f"{path}?passkey={TOKEN}", json=BODY, headers=headers)
        assert refusal(response)[0] == 401
        assert response.headers["www-authenticate"] == "Bearer"
    assert front.intake.authorizations == []


async def test_intakes_refusals() -> None:
    front = Storefront()
    client = front.client()

    async def told(error: Exception) -> httpx.Response:
        front.intake.error = error
        return await client.post(PATH, json=BODY, headers=KEY)

    assert refusal(await told(IntakeRefused(403, "FORBIDDEN", "needs the scope reply", None, None)))[0] == 403
    assert refusal(await told(IntakeRefused(410, "REMOVED", "gone", None, None)))[0] == 410
    unauthenticated = await told(IntakeRefused(401, "UNAUTHENTICATED", "unknown key", None, None))
    assert unauthenticated.headers["www-authenticate"] == "Bearer"
    long = await told(IntakeRefused(422, "VALIDATION_ERROR", "text is longer than 10000 characters", "text", None))
    assert refusal(long) == (422, "response is longer than 10000 characters")
    assert long.json()["errors"][0]["source"] == {"pointer": "/attributes/response"}
    waiting = await told(IntakeRefused(429, "TOO_MANY_REQUESTS", "wait", None, "9"))
    assert (waiting.status_code, waiting.headers["retry-after"]) == (429, "9")
    assert refusal(await told(unavailable("away")))[0] == 503
    assert refusal(await told(RuntimeError("secret")))[0] == 500


@pytest.mark.parametrize("content", [b"", b"[1]", b"{", b'{"attributes": 1}', b"\xff"])
async def test_bodies_that_say_nothing(content: bytes) -> None:
    assert refusal(await Storefront().client().post(PATH, content=content, headers=KEY))[0] == 400


@pytest.mark.parametrize("value", [5, True, {}, [], "[" * 300 + "]" * 300])
async def test_attributes_are_texts(value: object) -> None:
    content = orjson.dumps({"response": value}) if not isinstance(value, str) else b'{"response": %s}' % value.encode()
    response = await Storefront().client().post(PATH, content=content, headers=KEY)
    assert refusal(response) == (422, "response must be a string")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*NAMES, "x"]), inner, max_size=4),
)


@given(JSON, st.sampled_from(["POST", "PATCH", "DELETE", "GET"]), st.booleans())
async def test_any_body_is_answered(body: Any, method: str, one: bool) -> None:
    path = f"{PATH}/{response_guid(Place(REVIEW, 0))}" if one else PATH
    response = await Storefront().client().request(method, path, content=json.dumps(body), headers=KEY)
    assert response.status_code < 500
    assert response.status_code < 300 or response.json()["errors"]


async def test_an_empty_slot_and_a_body_too_large() -> None:
    client = Storefront().client()
    path = f"{PATH}/{response_guid(Place(REVIEW, 5))}"
    assert refusal(await client.patch(path, json=BODY, headers=KEY))[0] == 404
    assert refusal(await client.post(PATH, content=b" " * 300_000, headers=KEY))[0] == 413
    # Nothing to remove is removed.
    assert (await client.delete(path, headers=KEY)).status_code == 204


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("PUT", PATH, "GET, HEAD, POST, OPTIONS"),
        ("DELETE", PATH, "GET, HEAD, POST, OPTIONS"),
        ("POST", f"{PATH}/{response_guid(Place(REVIEW, 0))}", "GET, HEAD, PATCH, DELETE, OPTIONS"),
    ],
)
async def test_a_wrong_method_says_which_are_right(method: str, path: str, allow: str) -> None:
    response = await Storefront().client().request(method, path, headers=KEY)
    assert (refusal(response)[0], response.headers["allow"]) == (405, allow)


@pytest.mark.parametrize(
    "path",
    [
        *("/response", "/response/v1/clientResponses/shop", f"{REVIEWS}/", f"{REVIEWS}/abc", f"{PATH}/1/2"),
        *(f"{PATH}/{response_guid(Place(REVIEW + 1, 0))}", f"{PATH}/{UUID(int=0)}", PATH.replace("shop", "SHOP")),
    ],
)
async def test_unknown_paths(path: str) -> None:
    assert refusal(await Storefront().client().get(path))[0] == 404


async def test_systems_with_a_key_are_not_held_to_the_limit_of_forms() -> None:
    front = Storefront()
    front.writes = RateLimiter(Rate(0.1, 1), front.clock)
    front.reads = RateLimiter(Rate(0.1, 3), front.clock)
    client = front.client()
    answers: list[Any] = [(await client.post(PATH, json=BODY, headers=KEY)).status_code for _ in range(4)]
    assert answers == [200, 200, 200, 429]
