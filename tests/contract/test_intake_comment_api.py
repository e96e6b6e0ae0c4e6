"""Comments, votes and reports of abuse over HTTP."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
from starlette.routing import Route

from services.intake.comment_api import CommentApi
from services.intake.feedback_api import FeedbackApi
from shared.access import ApiKeys
from shared.events.models import CommentSubmitted, CommentWithdrawn, FeedbackGiven, ReplyPosted
from tests.intake_http import REVIEWS, ApiWorld, api_world, assert_route_asks_for, code
from tests.parts import Database

COMMENTS = "/v1/sites/books/comments"
VOTE = {"voter": {"id": "7"}, "kind": "helpfulness", "vote": "positive"}


@pytest.fixture
async def world(module_database: Database) -> AsyncIterator[ApiWorld]:
    async with api_world(module_database) as made:
        yield made


async def review(world: ApiWorld) -> str:
    return f"{REVIEWS}/{(await world.submit(title='Nice')).json()['review_id']}"


async def comment(world: ApiWorld, of: str, headers: dict[str, str] | None = None, **fields: Any) -> httpx.Response:
    return await world.http.post(f"{of}/comments", json={"text": "I agree.", **fields}, headers=headers)


async def test_a_comment_is_submitted_edited_read_and_withdrawn(world: ApiWorld) -> None:
    of = await review(world)
    created = await comment(world, of, author={"email": "jane@example.com"})
    assert created.status_code == 201
    body = created.json()
    assert list(body) == ["comment_id", "review_id", "revision", "outcome"]
    assert (of.endswith(f"/{body['review_id']}"), body["revision"], body["outcome"]) == (True, 1, "created")
    path = f"{COMMENTS}/{body['comment_id']}"
    edited = await world.http.put(path, json={"text": "I do agree.", "revision": 1})
    assert (edited.status_code, edited.json()["outcome"], edited.json()["revision"]) == (200, "edited", 2)
    conflict = await world.http.put(path, json={"text": "x", "revision": 1})
    assert code(conflict) == (409, "REVISION_CONFLICT")
    assert conflict.json()["error"]["revision"] == 2
    assert conflict.json()["error"]["comment_id"] == body["comment_id"]
    state = (await world.http.get(path)).json()
    assert (state["state"], state["revision"], state["review_id"]) == ("live", 2, body["review_id"])
    assert "agree" not in str(state)
    for outcome in ("withdrawn", "unchanged"):
        gone = await world.http.delete(path)
        assert (gone.json()["outcome"], gone.json()["state"]) == (outcome, "withdrawn")
    assert code(await world.http.put(path, json={"text": "x", "revision": 2})) == (410, "REMOVED")
    assert code(await world.http.put(f"{path}/feedback", json=VOTE)) == (410, "REMOVED")
    _, *events = await world.intake.valid_events()
    assert [type(event) for event in events] == [CommentSubmitted, CommentSubmitted, CommentWithdrawn]


async def test_a_known_record_is_200(world: ApiWorld) -> None:
    of = await review(world)
    answers = [await comment(world, of, source="shop", source_id="1", text=text) for text in ("a", "a", "b")]
    assert [(one.status_code, one.json()["outcome"]) for one in answers] == [
        (201, "created"),
        (200, "unchanged"),
        (200, "edited"),
    ]
    other = await comment(world, await review(world), source="shop", source_id="1")
    assert code(other) == (409, "CONFLICT")


@pytest.mark.parametrize(
    ("method", "path", "scopes"),
    [
        ("POST", f"{REVIEWS}/5/comments", {"submit"}),
        ("GET", f"{COMMENTS}/5", {"submit", "read"}),
        ("PUT", f"{COMMENTS}/5", {"submit"}),
        ("DELETE", f"{COMMENTS}/5", {"submit"}),
        ("PUT", f"{REVIEWS}/5/feedback", {"submit"}),
        ("PUT", f"{COMMENTS}/5/feedback", {"submit"}),
    ],
)
async def test_every_route_asks_for_its_scope(world: ApiWorld, method: str, path: str, scopes: set[str]) -> None:
    await assert_route_asks_for(world, method, path, scopes)


@pytest.mark.parametrize("content_id", ["1" * 5000, "9" * 17, "9" * 16, "0", "-1", "1.5", "\u0661", "x", "12345"])
async def test_what_is_not_there_is_404(world: ApiWorld, content_id: str) -> None:
    requests: list[tuple[str, str, Any]] = [
        ("POST", f"{REVIEWS}/{content_id}/comments", {"text": "x"}),
        ("PUT", f"{REVIEWS}/{content_id}/feedback", VOTE),
        ("GET", f"{COMMENTS}/{content_id}", None),
        ("PUT", f"{COMMENTS}/{content_id}", {"text": "x", "revision": 1}),
        ("DELETE", f"{COMMENTS}/{content_id}", None),
        ("PUT", f"{COMMENTS}/{content_id}/feedback", VOTE),
    ]
    for method, path, body in requests:
        assert code(await world.http.request(method, path, json=body)) == (404, "NOT_FOUND")


async def test_another_sites_comments_are_not_there(world: ApiWorld) -> None:
    of = await review(world)
    comment_id = (await comment(world, of)).json()["comment_id"]
    theirs = world.bearer("films")
    for method, path, body in (
        ("POST", f"{of.replace('books', 'films')}/comments", {"text": "x"}),
        ("GET", f"/v1/sites/films/comments/{comment_id}", None),
        ("PUT", f"/v1/sites/films/comments/{comment_id}", {"text": "x", "revision": 1}),
        ("DELETE", f"/v1/sites/films/comments/{comment_id}", None),
        ("PUT", f"/v1/sites/films/comments/{comment_id}/feedback", VOTE),
        ("PUT", f"{of.replace('books', 'films')}/feedback", VOTE),
    ):
        answer = await world.http.request(method, path, json=body, headers=theirs)
        assert code(answer) == (404, "NOT_FOUND")


async def test_errors_name_the_field_and_never_the_value(world: ApiWorld) -> None:
    of = await review(world)
    answer = await comment(world, of, title=7, author={"email": "geheim"})
    assert code(answer) == (422, "VALIDATION_ERROR")
    assert sorted(one["field"] for one in answer.json()["error"]["errors"]) == ["author.email", "title"]
    assert "geheim" not in answer.text
    vote = await world.http.put(f"{of}/feedback", json={**VOTE, "voter": {}})
    assert (code(vote), vote.json()["error"]["field"]) == ((422, "VALIDATION_ERROR"), "voter.id")
    mismatch = await world.http.put(f"{of}/feedback", json={**VOTE, "vote": "inappropriate"})
    assert mismatch.json()["error"]["field"] == "vote"
    assert "positive or negative" in mismatch.json()["error"]["message"]


async def test_a_network_may_vote_and_an_answer_kept_for_a_retry_does_not_tell_it(world: ApiWorld) -> None:
    path = f"{await review(world)}/feedback"
    body = orjson.dumps({**VOTE, "voter": {"network": "203.0.113.7"}})
    headers = {"idempotency-key": "once", "content-type": "application/json"}
    answers = [await world.http.put(path, content=body, headers=headers) for _ in range(2)]
    assert [(one.status_code, one.json()["outcome"]) for one in answers] == [(200, "set")] * 2
    other = await world.http.put(
        path, json={**VOTE, "voter": {"network": "203.0.113.8"}}, headers={"idempotency-key": "once"}
    )
    assert code(other) == (422, "IDEMPOTENCY_KEY_REUSED")
    (row,) = await world.intake.pool.fetch("select request_hash, answer::text from intake.idempotent_requests")
    assert "203.0.113" not in row["answer"]
    said = f"PUT {path}\n".encode() + body
    assert row["request_hash"] != hashlib.sha256(said).digest(), "whoever has no key can try out all addresses"
    key = await world.intake.pool.fetchval("select identity_key from intake.sites where site = 'books'")
    assert row["request_hash"] == hmac.digest(key, said, "sha256")
    wrong = await world.http.put(path, json={**VOTE, "voter": {"network": "geheim"}})
    assert (code(wrong), wrong.json()["error"]["field"]) == ((422, "VALIDATION_ERROR"), "voter.network")
    assert "geheim" not in wrong.text
    unknown = await world.http.put(
        path.replace("books", "nosuch"), content=body, headers=headers | world.bearer("ours")
    )
    assert code(unknown) == (404, "NOT_FOUND")


async def test_the_same_request_many_times_at_once_has_one_effect(world: ApiWorld) -> None:
    of = await review(world)
    answers = await asyncio.gather(*(comment(world, of, {"idempotency-key": "one"}) for _ in range(8)))
    assert {(one.status_code, one.text) for one in answers} == {(201, answers[0].text)}
    assert code(await comment(world, of, {"idempotency-key": "one"}, text="b")) == (422, "IDEMPOTENCY_KEY_REUSED")
    without = [await comment(world, of) for _ in range(2)]
    assert len({one.json()["comment_id"] for one in (answers[0], *without)}) == 3
    stored = await world.intake.pool.fetchval("select answer::text from intake.idempotent_requests")
    assert "agree" not in stored


async def test_a_form_that_looks_automated_is_403(world: ApiWorld) -> None:
    of = await review(world)
    assert code(await comment(world, of, form={"honeypot": "x"})) == (403, "SPAM")


async def test_votes_and_reports(world: ApiWorld) -> None:
    of = await review(world)
    on = f"{COMMENTS}/{(await comment(world, of)).json()['comment_id']}"
    first = await world.http.put(f"{of}/feedback", json=VOTE)
    assert (first.status_code, first.json()["outcome"]) == (200, "set")
    voter_id = first.json()["voter_id"]
    assert (await world.http.put(f"{of}/feedback", json=VOTE)).json() == {"voter_id": voter_id, "outcome": "unchanged"}
    removed = await world.http.put(f"{of}/feedback", json={**VOTE, "vote": None})
    assert removed.json() == {"voter_id": voter_id, "outcome": "removed"}
    report = {"voter": {"id": "7"}, "kind": "inappropriate", "vote": "inappropriate", "reason": "It names me."}
    assert (await world.http.put(f"{on}/feedback", json=report)).json() == {"voter_id": voter_id, "outcome": "set"}
    last = (await world.intake.valid_events())[-1]
    assert isinstance(last, FeedbackGiven)
    assert (last.content_kind, last.voter, last.reason) == ("comment", voter_id, "It names me.")


async def test_a_reply_is_signed_by_a_department(world: ApiWorld) -> None:
    of = await review(world)
    said = {"text": "Thanks", "author_name": "Kim", "department": "Care", "response_type": "Answer"}
    path = f"{of}/replies/0"
    bodies = (
        said,
        said,
        {**said, "response_source": "Shop"},
        {"text": "Thanks"},
        {"text": "Thanks", "department": " "},
    )
    outcomes = [(await world.http.put(path, json=body)).json()["outcome"] for body in bodies]
    assert outcomes == ["set", "unchanged", "set", "set", "unchanged"]
    posted = [event for event in await world.intake.valid_events() if isinstance(event, ReplyPosted)]
    assert [(one.department, one.response_type, one.response_source) for one in posted] == [
        ("Care", "Answer", None),
        ("Care", "Answer", "Shop"),
        (None, None, None),
    ]
    assert len({one.posted_at for one in posted}) == 1
    for field in ("department", "response_type", "response_source"):
        wrong = await world.http.put(path, json={**said, field: "x" * 101})
        assert (code(wrong), wrong.json()["error"]["field"]) == ((422, "VALIDATION_ERROR"), field)


async def test_a_reply_from_before_departments_is_known_again(world: ApiWorld) -> None:
    of = await review(world)
    path = f"{of}/replies/0"
    await world.http.put(path, json={"text": "Thanks"})
    strip = (
        "update intake.replies set event = (event::jsonb - '{department,response_type,response_source}'::text[])::json"
    )
    await world.intake.pool.execute(strip)
    assert (await world.http.put(path, json={"text": "Thanks"})).json()["outcome"] == "unchanged"
    assert (await world.http.put(path, json={"text": "Thanks", "department": "Care"})).json()["outcome"] == "set"


def test_the_routes_are_documented(world: ApiWorld) -> None:
    text = (Path(__file__).parents[2] / "docs/http-api.md").read_text()
    pool: Any = None
    keys = ApiKeys(pool)
    made = [part(pool, keys, world.intake.registry).routes() for part in (CommentApi, FeedbackApi)]
    routes = [route for of_part in made for route in of_part if isinstance(route, Route)]
    assert len(routes) == 6
    for route in routes:
        path = re.sub(r":\w+}", "}", route.path)
        for method in set(route.methods or ()) - {"HEAD"}:
            assert f"| `{method} {path}` |" in text
