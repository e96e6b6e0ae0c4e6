"""What strangers must not get: another site's content, Postgres's memory, or the time of those who ask for little."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from urllib.parse import quote, urlencode

import httpx
import pytest

from services.query.bazaarvoice.response_guid import Place, response_guid
from services.query.core.connections import CHARACTERS_PER_CONNECTION, Connections
from services.query.core.sql import Statement
from tests.parts import Database
from tests.public_edge import KEYS, OTHER, SHOP, PublicEdge, public_edge
from tests.storefront_world import COMMENT_FORM, VOTE

EVERYTHING = "Limit=100&Stats=Reviews&FilteredStats=Reviews&Attributes=ModeratorCodes&IncentivizedStats=true"
INCLUDES = "&Include=Reviews,Comments,Products,Authors,Categories&" + "&".join(
    f"Limit_{one}=20" for one in ("Reviews", "Comments", "Products", "Authors", "Categories")
)
# The sites have the same products, authors, categories, brands and families, and ids of reviews of their own.
QUESTIONS = [
    *(
        f"{endpoint}.json?{EVERYTHING}{INCLUDES}{more}"
        for endpoint in ("reviews", "products", "authors", "categories", "reviewcomments")
        for more in ("", "&ExcludeFamily=true", "&Locale=de", "&Filter_Reviews=Rating:gte:3")
    ),
    *(
        f"reviews.json?{EVERYTHING}{INCLUDES}&{more}"
        for more in (
            "Filter=ProductId:a,B,b,10,9,loose,gone",
            "Filter=CategoryAncestorId:root,men",
            "Filter=CategoryAncestorId:neq:egg",
            "Filter=ProductBrandId:nike",
            "Filter=ProductBrandId:eq:null",
            "Filter=AuthorId:anna,bob",
            "Filter=IsSubjectActive:true",
            "Search=fits",
            "Sort=Helpfulness:desc",
        )
    ),
    "reviewcomments.json?Limit=100&Filter=CategoryAncestorId:root&Filter=ProductId:a,b,10&Sort=ProductId:asc",
    "products.json?Limit=100&Filter=TotalReviewCount:gt:0&Sort=LastReviewTime:desc&Filter=RatingsOnlyReviewCount:lt:99",
    "statistics.json?Filter=ProductId:a,B,b,10,9&Stats=Reviews,NativeReviews",
    "statistics.json?Filter=ProductId:a,B,b,10,9&Stats=Reviews,NativeReviews&Filter=ContentLocale:en*",
]
TABLES = "reviews comments products categories brands category_ancestors authors summaries distributions vocabularies"


@pytest.fixture
async def edge(database: Database) -> AsyncIterator[PublicEdge]:
    async with public_edge(database, reviews=60, comments=40) as running:
        yield running


async def ask(edge: PublicEdge, questions: Sequence[str], site: str = SHOP) -> list[bytes]:
    async with httpx.AsyncClient(base_url=edge.url, timeout=60) as http:
        found = []
        for question in questions:
            answer = await http.get(f"/data/{question}&ApiVersion=5.4&PassKey={KEYS[site]}")
            assert answer.json()["Errors"] == [], question
            found.append(answer.content)
        return found


async def test_no_answer_changes_with_what_another_site_has(edge: PublicEdge) -> None:
    before = await ask(edge, QUESTIONS)
    assert len(set(before)) > len(before) // 2
    async with edge.owner.transaction():
        for table in TABLES.split():
            assert int((await edge.owner.execute(f"delete from published.{table} where site = $1", OTHER)).split()[1])
    for question, one, other in zip(QUESTIONS, before, await ask(edge, QUESTIONS), strict=True):
        assert one == other, question


async def test_ids_and_dimensions_of_another_site_name_nothing(edge: PublicEdge) -> None:
    review, comment = edge.worlds[OTHER].reviews[0]["review_id"], edge.worlds[OTHER].comments[0]["comment_id"]
    questions = [
        f"reviews.json?Filter=Id:{review}",
        f"reviewcomments.json?Filter=Id:{comment}",
        f"reviewcomments.json?Filter=ReviewId:{review}",
    ]
    for body in await ask(edge, questions):
        assert b'"TotalResults":0' in body
    for body in await ask(edge, questions[:2], OTHER):
        assert b'"TotalResults":1' in body
    votes = [VOTE | {"ContentId": str(review)}, VOTE | {"ContentId": str(comment), "ContentType": "review_comment"}]
    forms = [("submitfeedback", vote) for vote in votes]
    forms.append(("submitreviewcomment", COMMENT_FORM | {"ReviewId": str(review)}))
    async with httpx.AsyncClient(base_url=edge.url) as http:
        for endpoint, form in forms:
            fields = {"ApiVersion": "5.4", "PassKey": KEYS[SHOP], **form}
            answer = await http.post(f"/data/{endpoint}.json", data=fields)
            assert [error["Code"] for error in answer.json()["Errors"]] == ["ERROR_PARAM_INVALID_SUBJECT_ID"]
        for path in (f"shop/reviews/{review}", f"shop/reviews/{review}/{response_guid(Place(review, 0))}"):
            assert (await http.get(f"/response/v1/clientResponses/{path}")).status_code == 404
        # The shop's vocabulary has them, the other site's has not.
        for name in ("ContextDataValue_Age", "SecondaryRating_Fit", "Tag_Pro", "AdditionalField_Size"):
            known = urlencode({"ApiVersion": "5.4", "PassKey": KEYS[OTHER], "Filter": f"{name}:1"})
            assert (await http.get(f"/data/reviews.json?{known}")).json()["HasErrors"] is True
    assert (edge.intake.feedback, edge.intake.comments) == ([], [])


async def test_a_disabled_site_shows_nothing_and_takes_nothing(edge: PublicEdge) -> None:
    await edge.owner.execute("update published.sites set enabled = false where site = $1", SHOP)
    for body in await ask(edge, QUESTIONS):
        assert b'"TotalResults":0' in body
        assert b'"Results":[],"Includes":{}' in body
    review = edge.worlds[SHOP].reviews[0]["review_id"]
    async with httpx.AsyncClient(base_url=edge.url) as http:
        fields = {"ApiVersion": "5.4", "PassKey": KEYS[SHOP], **VOTE, "ContentId": str(review)}
        assert (await http.post("/data/submitfeedback.json", data=fields)).json()["HasErrors"] is True
        assert (await http.get(f"/response/v1/clientResponses/shop/reviews/{review}")).status_code == 404
    assert not edge.intake.feedback


HOSTILE = ("'", "';select pg_sleep(9)--", '"', "$1", "%", "\\'", "{0}", "a' or '1'='1", "x') or true --", "*/", "null")


async def test_no_text_is_ever_read_as_sql(edge: PublicEdge) -> None:
    names = (
        "ProductId",
        "AuthorId",
        "UserLocation",
        "ContentLocale",
        "ProductBrandId",
        "CategoryAncestorId",
        "Tag_Pro",
    )
    questions = [
        f"reviews.json?Filter={name}:eq:{quote(text.replace(chr(92), chr(92) * 2))}"
        for name in names
        for text in HOSTILE
    ]
    for question, body in zip(questions, await ask(edge, questions), strict=True):
        if not question.endswith("null"):
            assert b'"TotalResults":0' in body, question
    async with httpx.AsyncClient(base_url=edge.url) as http:
        for text in HOSTILE:
            for parameter in (f"Filter=Tag_{quote(text)}:eq:a", f"Sort=ContextDataValue_{quote(text)}:asc"):
                known = f"/data/reviews.json?ApiVersion=5.4&PassKey={KEYS[SHOP]}&{parameter}"
                answer = await http.get(known)
                assert (answer.status_code, answer.json()["HasErrors"]) == (200, True), parameter


async def test_prepared_statements_take_no_more_than_their_room(database: Database) -> None:
    connections = Connections(
        database.role("query"),
        size=1,
        role="plaudit_query",
        may_read=("published", "access"),
        application_name="plaudit-room-test",
    )
    length = CHARACTERS_PER_CONNECTION // 4

    async def prepared(numbers: Sequence[int]) -> list[int]:
        for number in numbers:
            text = f"select {number} as number /* {'x' * length} */"
            assert [tuple(row) for row in await connections.fetch(Statement(text, []))] == [(number,)]
        rows = await connections.fetch(Statement("select statement from pg_prepared_statements", []))
        return sorted(int(row[0].split()[1]) for row in rows if "as number" in row[0])

    try:
        assert await prepared([1, 2, 3]) == [1, 2, 3]
        # The one that was prepared first goes first.
        assert await prepared([4, 5, 3]) == [3, 4, 5]
        too_long = f"select 1 as number /* {'x' * CHARACTERS_PER_CONNECTION} */"
        assert [tuple(row) for row in await connections.fetch(Statement(too_long, []))] == [(1,)]
    finally:
        await connections.close()


async def test_heavy_questions_leave_connections_to_light_ones(edge: PublicEdge) -> None:
    heavy = "reviews.json?Filter=ProductId:a&" + "&".join(["Filter=IsSubjectActive:neq:false"] * 21)
    async with edge.owner.transaction():
        # Whether a product is active is what the light question does not ask for: the heavy ones wait.
        await edge.owner.execute("lock table published.products in access exclusive mode")
        async with httpx.AsyncClient(base_url=edge.url, timeout=60) as http:
            known = f"&ApiVersion=5.4&PassKey={KEYS[SHOP]}"
            waiting = [asyncio.create_task(http.get(f"/data/{heavy}{known}")) for _ in range(12)]
            await asyncio.sleep(0.5)
            light = await asyncio.wait_for(http.get(f"/data/reviews.json?Limit=1{known}"), 5)
            assert light.json()["TotalResults"] == 60
            answers = await asyncio.gather(*waiting)
    # Too many of them, or too slow: either is told in the envelope.
    assert {answer.status_code for answer in answers} == {503}
    for answer in answers:
        assert [error["Code"] for error in answer.json()["Errors"]] == ["ERROR_UNKNOWN"]
        assert answer.headers["retry-after"]
