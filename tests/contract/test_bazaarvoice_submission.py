"""What is sent in the Bazaarvoice dialect, through the edge and the real intake into Postgres."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import asyncpg
import httpx
import pytest
from pydantic import SecretStr

from services.intake.pass_keys import create_pass_key
from services.intake.transaction import transaction
from services.query.core.reader import PostgresReader
from services.query.intake import HttpIntake
from services.query.service import build_edge, find_pass_keys, open_connections
from services.query.settings import QuerySettings
from shared.clock import SystemClock
from shared.events.models import CommentSubmitted, FeedbackGiven, ReplyPosted, ReplyRemoved, ReviewSubmitted
from shared.events.settings import SiteSettings
from shared.events.vocabulary import ContextDataTerm, SecondaryRatingTerm, Vocabulary
from shared.service import Health
from tests.intake_http import ApiWorld, api_world
from tests.parts import Database
from tests.storefront_world import COMMENT_FORM, REVIEW_FORM, VOTE

VOCABULARY = Vocabulary(
    secondary_ratings=(SecondaryRatingTerm(id="Quality"),),
    context_data=(ContextDataTerm(id="Age", value_labels={"18to24": "18 to 24"}),),
)


@dataclass
class World:
    intake: ApiWorld
    http: httpx.AsyncClient
    token: str
    owner: asyncpg.Connection[Any]

    async def post(self, endpoint: str, **fields: str) -> Any:
        response = await self.http.post(
            f"/data/{endpoint}.json", data={"apiversion": "5.4", "passkey": self.token, **fields}
        )
        assert response.status_code == 200, response.text
        return response.json()

    async def publish(self, review_id: int) -> None:
        """As the projection would: the staged row and the public one."""
        async with self.owner.transaction():
            await self.owner.execute(
                "insert into projection.reviews (site, review_id, moderated_sequence, approved_revision)"
                " values ('books', $1, 1, 1)",
                review_id,
            )
            await self.owner.execute(
                "insert into published.reviews (site, review_id, revision, slug, entity_id, rating, locale, created_at,"
                " submitted_at, review_date, published_at, first_published_at, publish_count, is_featured)"
                " values ('books', $1, 1, $2, 'P1', 4, 'en', now(), now(), now(), now(), now(), 1, false)",
                review_id,
                f"r-{review_id}",
            )


@pytest.fixture(scope="module")
async def world(module_database: Database) -> AsyncIterator[World]:
    async with api_world(module_database) as intake:
        async with transaction(intake.intake.pool) as tx:
            token = await create_pass_key(tx, "books", "storefront", intake.intake.clock.now())
        owner = await asyncpg.connect(module_database.dsn)
        await owner.execute(
            "insert into published.sites values ('books', 1, 'Books', true, $1)", SiteSettings().model_dump_json()
        )
        await owner.execute(
            "insert into published.vocabularies (site, locale, vocabulary) values ('books', '*', $1)",
            VOCABULARY.model_dump_json(),
        )
        settings = QuerySettings(
            postgres=SecretStr(module_database.role("query")), reads_per_second=0, submits_per_minute=0
        )
        connections = open_connections(settings)
        backend = HttpIntake(str(intake.http.base_url), intake.tokens["ours"])
        keys = find_pass_keys(connections)
        edge = build_edge(settings, PostgresReader(connections), backend, SystemClock(), Health(), keys)
        async with httpx.AsyncClient(transport=httpx.ASGITransport(edge), base_url="http://shop.example") as http:
            yield World(intake, http, token, owner)
        await backend.close()
        await connections.close()
        await owner.close()


async def test_a_review(world: World) -> None:
    fields = REVIEW_FORM | {
        "UserId": "u-1",
        "UserEmail": "ann@example.com",
        "UserLocation": "Leeds",
        "Rating_Quality": "5",
        "ContextDataValue_Age": "18to24",
        "PhotoUrl_1": "https://img.example/1.jpg",
        "VideoUrl_1": "https://youtu.be/dQw4w9WgXcQ",
        "Locale": "en_GB",
    }
    answer = await world.post("submitreview", **fields)
    assert not answer["HasErrors"], answer
    event = (await world.intake.intake.events())[-1]
    assert isinstance(event, ReviewSubmitted)
    assert answer["SubmissionId"] == f"r{event.review_id}"
    content, details = event.content, event.content.details
    assert (content.entity_id, content.rating, content.author_name, content.locale) == ("P1", 4, "Ann", "en-GB")
    assert details is not None
    assert (details.secondary_ratings, details.context_data) == ({"Quality": 5}, {"Age": "18to24"})
    assert details.author_location == "Leeds"
    assert [photo.url for photo in details.photos] == ["https://img.example/1.jpg"]
    assert [video.id for video in details.videos] == ["dQw4w9WgXcQ"]
    # The same click again is the same review; other words of the same person about the same product are refused.
    assert (await world.post("submitreview", **fields))["SubmissionId"] == answer["SubmissionId"]
    second = await world.post("submitreview", **fields | {"Title": "Better"})
    assert [error["Code"] for error in second["Errors"]] == ["ERROR_DUPLICATE_SUBMISSION"]
    assert second["FormErrors"]["FieldErrors"]["userid"]["Code"] == "ERROR_FORM_DUPLICATE"


async def test_what_only_intake_refuses_is_an_error_of_the_form(world: World) -> None:
    answer = await world.post("submitreview", **REVIEW_FORM, UserEmail="a..b@example.com")
    assert answer["FormErrors"]["FieldErrors"]["useremail"]["Code"] == "ERROR_FORM_INVALID_EMAILADDRESS"


async def test_comments_and_feedback_on_what_is_public(world: World) -> None:
    made = await world.post("submitreview", **REVIEW_FORM | {"ProductId": "P2", "UserId": "u-2"})
    review_id = int(made["SubmissionId"].removeprefix("r"))
    comment, vote = COMMENT_FORM | {"ReviewId": str(review_id)}, VOTE | {"ContentId": str(review_id)}
    before = await world.intake.intake.count("intake.outbox")
    for endpoint, form in (("submitreviewcomment", comment), ("submitfeedback", vote)):
        refused = await world.post(endpoint, **form)
        assert refused["Errors"][0]["Code"] == "ERROR_PARAM_INVALID_SUBJECT_ID"
    assert await world.intake.intake.count("intake.outbox") == before
    await world.publish(review_id)
    answer = await world.post("submitreviewcomment", **comment)
    event = (await world.intake.intake.events())[-1]
    assert isinstance(event, CommentSubmitted)
    assert (event.review_id, event.content.text) == (review_id, "I agree.")
    assert answer["SubmissionId"] == f"c{event.comment_id}"
    assert answer["Comment"]["Id"] == str(event.comment_id)
    assert (await world.post("submitreviewcomment", **comment))["SubmissionId"] == answer["SubmissionId"]
    assert not (await world.post("submitfeedback", **vote))["HasErrors"]
    event = (await world.intake.intake.events())[-1]
    assert isinstance(event, FeedbackGiven)
    assert (event.content_id, event.vote) == (review_id, "positive")
    report = vote | {"FeedbackType": "inappropriate", "ReasonText": "Rude"}
    assert not (await world.post("submitfeedback", **report))["HasErrors"]
    event = (await world.intake.intake.events())[-1]
    assert isinstance(event, FeedbackGiven)
    assert event.vote == "inappropriate"


async def test_people_without_a_user_id_have_one_vote_for_each_network(world: World) -> None:
    made = await world.post("submitreview", **REVIEW_FORM | {"ProductId": "P4", "UserId": "u-4"})
    review_id = int(made["SubmissionId"].removeprefix("r"))
    await world.publish(review_id)
    vote = VOTE | {"ContentId": str(review_id), "UserId": ""}
    before = await world.intake.intake.count("intake.outbox")
    preview = await world.post("submitfeedback", **vote, Action="Preview")
    assert not preview["HasErrors"]
    assert await world.intake.intake.count("intake.outbox") == before
    answer = await world.post("submitfeedback", **vote)
    assert answer == preview
    assert answer["Feedback"]["Helpfulness"]["AuthorId"] is None
    first = (await world.intake.intake.events())[-1]
    await world.post("submitfeedback", **vote)
    assert await world.intake.intake.count("intake.outbox") == before + 1, "the same again changes nothing"
    await world.post("submitfeedback", **vote | {"Vote": "Negative"})
    changed = (await world.intake.intake.events())[-1]
    # The address as somebody's user id is somebody else.
    await world.post("submitfeedback", **vote | {"UserId": "127.0.0.1"})
    other = (await world.intake.intake.events())[-1]
    assert isinstance(first, FeedbackGiven)
    assert isinstance(changed, FeedbackGiven)
    assert isinstance(other, FeedbackGiven)
    assert (changed.voter, changed.sequence, changed.vote) == (first.voter, 2, "negative")
    assert other.voter != first.voter
    assert "127.0.0.1" not in f"{first!r}{changed!r}{other!r}"


async def test_a_response_with_the_callers_own_key(world: World) -> None:
    made = await world.post("submitreview", **REVIEW_FORM | {"ProductId": "P3", "UserId": "u-3"})
    review_id = int(made["SubmissionId"].removeprefix("r"))
    path = f"/response/v1/clientResponses/books/reviews/{review_id}"
    body = {"attributes": {"department": "Service", "response": "Thank you.", "responseBy": "Kim"}}
    for name, status in (("submit", 403), ("films", 403)):
        assert (await world.http.post(path, json=body, headers=world.intake.bearer(name))).status_code == status
    unknown = await world.http.post(path, json=body, headers={"authorization": "Bearer plk_unknown"})
    assert unknown.status_code == 401
    bearer = world.intake.bearer("reply")
    answer = await world.http.post(path, json=body, headers=bearer)
    assert answer.status_code == 200, answer.text
    assert answer.json()["attributes"].items() >= body["attributes"].items()
    event = (await world.intake.intake.events())[-1]
    assert isinstance(event, ReplyPosted)
    assert (event.slot, event.text, event.department, event.author_name) == (0, "Thank you.", "Service", "Kim")
    one = f"{path}/{answer.json()['id']}"
    changed = await world.http.patch(one, json={"attributes": {"department": "Sales"}}, headers=bearer)
    assert changed.json()["attributes"].items() >= (body["attributes"] | {"department": "Sales"}).items()
    too_long = await world.http.patch(one, json={"attributes": {"response": "x" * 10_001}}, headers=bearer)
    assert too_long.status_code == 422
    assert "response is longer" in too_long.text
    # The review is not public, and so nothing is to be read.
    assert (await world.http.get(path)).status_code == 404
    assert (await world.http.delete(one, headers=bearer)).status_code == 204
    assert isinstance((await world.intake.intake.events())[-1], ReplyRemoved)


async def test_the_key_of_a_site_that_is_closed_takes_nothing(world: World) -> None:
    await world.owner.execute("update published.sites set enabled = false where site = 'books'")
    try:
        answer = await world.post("submitreview", **REVIEW_FORM)
    finally:
        await world.owner.execute("update published.sites set enabled = true where site = 'books'")
    assert [error["Code"] for error in answer["Errors"]] == ["ERROR_ACCESS_DENIED"]


async def test_each_pass_key_has_its_site_and_its_counts(world: World) -> None:
    key = "otherkey90123456789012345"
    async with transaction(world.intake.intake.pool) as tx:
        await create_pass_key(tx, "films", "other", world.intake.intake.clock.now(), pass_key=key)
    answer = await world.http.get(f"/data/reviews.json?apiversion=5.4&passkey={key}")
    assert answer.json()["Errors"] == []
    assert answer.headers["x-bazaarvoice-qpm-current"] == "1"
    assert (await world.http.get("/data/reviews.json?passkey=otherkey90123456789012346")).json()["HasErrors"]
