"""Lynkow's public API as its clients see it, over HTTP and a real Postgres."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import asyncpg
import httpx
import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from services.query.core.reader import PostgresReader
from services.query.intake import Accepted, IntakeRefused
from services.query.problem import unavailable
from services.query.service import build_edge, find_pass_keys, open_connections, watch_database
from services.query.settings import QuerySettings
from shared.clock import SystemClock
from shared.events.settings import FieldSettings, FormFields, SiteSettings
from shared.http.server import bind, serve
from shared.service import Health
from tests.parts import Database
from tests.query_world import count_summaries
from tests.storefront_world import RecordingIntake

START = datetime(2026, 1, 1, 10, 30, 0, 123456, tzinfo=UTC)
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


def slug(review_id: int, words: str = "lovely") -> str:
    digits = ""
    while review_id:
        review_id, digit = divmod(review_id, 36)
        digits = _DIGITS[digit] + digits
    return f"{words}-{digits}"


@pytest.fixture(scope="module")
async def query_postgres(module_database: Database) -> str:
    """DSN of the owner of a database with the reviews below."""
    await _fill(module_database.dsn)
    return module_database.dsn


SHOP = SiteSettings(
    require_approval=True,
    default_locale="de",
    min_rating=2,
    fields=FormFields(email=FieldSettings(required=True), title=FieldSettings(enabled=False)),
)
SITES = {"shop": SHOP, "closed": SiteSettings(enabled=False), "empty": SiteSettings(), "open": SiteSettings()}
REPLY = [
    {
        "slot": 0,
        "text": "Thank you!",
        "author_name": "The shop",
        "posted_at": "2026-02-01T08:00:00.5Z",
        "updated_at": "2026-02-02T08:00:00Z",
    }
]
FULL, BARE, HELD, CLOSED = 1001, 1002, 2000, 3000


def row(site: str, review_id: int, number: int = 0, **columns: Any) -> dict[str, Any]:
    at = START + timedelta(days=number)
    return {
        "site": site,
        "review_id": review_id,
        "revision": 1,
        "slug": slug(review_id),
        "entity_id": "",
        "rating": 5,
        "locale": "en",
        "author_name": "Jane D.",
        "created_at": at,
        "submitted_at": at,
        "review_date": at,
        "published_at": at,
        "first_published_at": at,
        "publish_count": 1,
        "is_featured": False,
    } | columns


ROWS = [
    row(
        *("shop", FULL, 1),
        rating=4,
        title="Lovely",
        text="Soft fabric, warm colour.",
        author_email_masked="j***@example.com",
        replies=orjson.dumps(REPLY).decode(),
        is_featured=True,
        display_order=2,
        locale="en-GB",
        entity_id="1078",
        entity_name="Blue shirt",
        review_date=START - timedelta(days=100),
    ),
    row("shop", BARE, 2, rating=3, author_name=None, entity_id="Blue shirt", display_order=1),
    *(row("shop", 1100 + number, 3 + number, rating=1 + number % 5, text=f"Text {number}") for number in range(30)),
    row("closed", CLOSED, text="Never seen: the site is closed."),
]


async def _fill(dsn: str) -> None:
    connection = await asyncpg.connect(dsn)
    for site, stored in SITES.items():
        await connection.execute(
            "insert into published.sites values ($1, 1, $1, $2, $3)", site, stored.enabled, stored.model_dump_json()
        )
    staging = (
        "insert into projection.reviews (site, review_id, moderated_sequence, approved_revision) values ($1, $2, 1, $3)"
    )
    # Held: moderation knows it, nothing of it is approved.
    await connection.execute(staging, "shop", HELD, None)
    async with connection.transaction():
        for columns in ROWS:
            await connection.execute(staging, columns["site"], columns["review_id"], 1)
            names, marks = ", ".join(columns), ", ".join(f"${number}" for number in range(1, len(columns) + 1))
            await connection.execute(f"insert into published.reviews ({names}) values ({marks})", *columns.values())
        await count_summaries(connection)
    await connection.close()


@dataclass
class Intake(RecordingIntake):
    """Remembers what it was given."""

    taken: list[tuple[str, Mapping[str, Any], str | None]] = field(default_factory=list)

    async def submit(self, site: str, submission: Mapping[str, object], idempotency_key: str | None) -> Accepted:
        if self.error is not None:
            raise self.error
        self.taken.append((site, submission, idempotency_key))
        return Accepted(4711, slug(4711), "2026-03-01T00:00:00+00:00")


@dataclass
class Edge:
    http: httpx.AsyncClient
    intake: Intake
    reader: PostgresReader
    dsn: str


@pytest.fixture(scope="module")
async def edge(query_postgres: str) -> AsyncIterator[Edge]:
    chosen = QuerySettings(
        postgres=SecretStr(query_postgres), port=0, reads_per_second=0, submits_per_minute=0, default_site="shop"
    )
    connections, intake, health = open_connections(chosen), Intake(), Health()
    reader = PostgresReader(connections)
    report, stop = health.reporter("postgres"), asyncio.Event()
    app = build_edge(chosen, reader, intake, SystemClock(), health, find_pass_keys(connections))
    listener = bind("127.0.0.1", 0)
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    running = asyncio.gather(serve(app, listener, stop, 1), watch_database(reader, report, SystemClock(), stop))
    async with httpx.AsyncClient(base_url=url) as http:
        for _ in range(100):
            with contextlib.suppress(httpx.TransportError):
                if (await http.get("/ready")).status_code == 200:
                    break
            await asyncio.sleep(0.05)
        yield Edge(http, intake, reader, query_postgres)
    stop.set()
    await running
    await connections.close()


@pytest.fixture(autouse=True)
def _fresh_intake(edge: Edge) -> None:
    edge.intake.error = None
    edge.intake.taken.clear()


async def get(edge: Edge, path: str) -> Any:
    response = await edge.http.get(path)
    assert response.status_code == 200, response.text
    assert response.headers["content-type"].startswith("application/json")
    return response.json()


async def ids(edge: Edge, query: str, site: str = "shop") -> list[int]:
    answer = await get(edge, f"/public/{site}/reviews?{query}")
    return [review["id"] for review in answer["data"]]


FULL_REVIEW = {
    "id": FULL,
    "slug": slug(FULL),
    "status": "approved",
    "rating": 4,
    "title": "Lovely",
    "content": "Soft fabric, warm colour.",
    "authorName": "Jane D.",
    "authorEmail": "j***@example.com",
    "locale": "en-GB",
    "createdAt": "2026-01-02T10:30:00.123+00:00",
    "response": {"content": "Thank you!", "respondedAt": "2026-02-01T08:00:00.500+00:00"},
}
BARE_REVIEW = {
    "id": BARE,
    "slug": slug(BARE),
    "status": "approved",
    "rating": 3,
    "title": None,
    "content": "",
    "authorName": "Anonymous",
    "locale": "en",
    "createdAt": "2026-01-03T10:30:00.123+00:00",
}


async def test_reviews_have_exactly_the_vendors_fields(edge: Edge) -> None:
    answer = await get(edge, f"/public/shop/reviews?ids={FULL},{BARE}")
    assert answer == {
        "data": [BARE_REVIEW, FULL_REVIEW],
        "meta": {"total": 2, "perPage": 20, "currentPage": 1, "lastPage": 1},
    }
    assert list(answer) == ["data", "meta"]


async def test_the_newest_come_first_and_pages_follow_each_other(edge: Edge) -> None:
    everything = sorted(
        (r["review_id"] for r in ROWS if r["site"] == "shop"), reverse=True, key=lambda one: (one > 1002, one)
    )
    answer = await get(edge, "/public/shop/reviews")
    assert [review["id"] for review in answer["data"]] == everything[:20]
    assert answer["meta"] == {"total": 32, "perPage": 20, "currentPage": 1, "lastPage": 2}
    pages = [await ids(edge, f"limit=10&page={page}") for page in range(1, 6)]
    assert [one for page in pages for one in page] == everything
    assert pages[4] == []
    beyond = await get(edge, "/public/shop/reviews?limit=10&page=9")
    assert beyond["meta"] == {"total": 32, "perPage": 10, "currentPage": 9, "lastPage": 4}
    assert len(await ids(edge, "limit=100")) == 32


async def test_one_review_by_id_slug_or_an_older_slug(edge: Edge) -> None:
    for name in (str(FULL), slug(FULL), slug(FULL, "as-it-was-titled-once")):
        response = await edge.http.get(f"/public/shop/reviews/{name}")
        assert response.json() == FULL_REVIEW
        assert response.headers["cache-control"] == "public, max-age=60"
    for name in ("0", "999", str(2**60), "lovely", slug(999), str(CLOSED), "%00", "..."):
        response = await edge.http.get(f"/public/shop/reviews/{name}")
        assert response.status_code == 404
        assert response.json()["errors"][0]["code"] == "NOT_FOUND"


async def test_what_is_not_approved_is_nowhere(edge: Edge) -> None:
    for path in (str(HELD), slug(HELD)):
        assert (await edge.http.get(f"/public/shop/reviews/{path}")).status_code == 404
    assert HELD not in await ids(edge, "limit=100")
    assert await ids(edge, f"ids[]={HELD}") == []
    assert await ids(edge, f"slug={slug(HELD)}") == []


async def test_a_review_is_gone_in_the_moment_it_is_withdrawn(edge: Edge) -> None:
    admin = await asyncpg.connect(edge.dsn)
    transaction = admin.transaction()
    await transaction.start()
    await admin.execute("delete from published.reviews where site = 'shop' and review_id = $1", BARE)
    assert (await edge.http.get(f"/public/shop/reviews/{BARE}")).status_code == 200
    await transaction.rollback()
    tag = (await edge.http.get("/public/shop/reviews")).headers["etag"]
    async with admin.transaction():
        kept = await admin.fetchrow(
            "delete from published.reviews where site = 'shop' and review_id = 1129 returning *"
        )
    assert kept is not None
    try:
        assert (await edge.http.get("/public/shop/reviews/1129")).status_code == 404
        changed = await edge.http.get("/public/shop/reviews", headers={"If-None-Match": tag})
        assert changed.status_code == 200
        assert 1129 not in [review["id"] for review in changed.json()["data"]]
    finally:
        # What Postgres generates cannot be given.
        stored = {name: value for name, value in kept.items() if name not in ("helpfulness", "is_ratings_only")}
        await admin.copy_records_to_table(
            "reviews", schema_name="published", columns=list(stored), records=[tuple(stored.values())]
        )
        await admin.close()


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("rating=4&limit=100", lambda r: r["rating"] == 4),
        ("ratingMin=4&limit=100", lambda r: r["rating"] >= 4),
        ("minRating=4&limit=100", lambda r: r["rating"] >= 4),
        ("ratingMax=2&limit=100", lambda r: r["rating"] <= 2),
        ("maxRating=2&limit=100", lambda r: r["rating"] <= 2),
        ("ratingMin=2&ratingMax=3&limit=100", lambda r: r["rating"] in (2, 3)),
        ("isFeatured=true", lambda r: r["is_featured"]),
        ("isFeatured=false&limit=100", lambda r: not r["is_featured"]),
        ("productName=Blue%20shirt", lambda r: r["review_id"] in (FULL, BARE)),
        ("productName=1078", lambda r: r["review_id"] == FULL),
        ("entity_id=Blue+shirt", lambda r: r["review_id"] == BARE),
        ("search=FABRIC", lambda r: r["review_id"] == FULL),
        ("search=colour+lovely", lambda r: r["review_id"] == FULL),
        ("search=%25", lambda r: False),
        ("search=jane&limit=100", lambda r: r["author_name"] is not None),
        ("dateFrom=2026-01-20&limit=100", lambda r: r["created_at"] >= datetime(2026, 1, 20, tzinfo=UTC)),
        ("dateTo=2026-01-03", lambda r: r["created_at"] < datetime(2026, 1, 4, tzinfo=UTC)),
        ("dateFrom=2026-01-03T10:30:00.123%2B00:00&dateTo=2026-01-03T10:30:00.123Z", lambda r: r["review_id"] == BARE),
        (f"slug={slug(FULL)}", lambda r: r["review_id"] == FULL),
        (f"slugs[]={slug(FULL)}&slugs[]={slug(BARE)}", lambda r: r["review_id"] in (FULL, BARE)),
        (f"slugs={slug(FULL)},{slug(BARE)}", lambda r: r["review_id"] in (FULL, BARE)),
        (f"ids[]={FULL}&ids[]={BARE}", lambda r: r["review_id"] in (FULL, BARE)),
        (f"ids={FULL}%2C{BARE}&excludeIds[]={BARE}", lambda r: r["review_id"] == FULL),
        (f"excludeIds={FULL},{BARE}&limit=100", lambda r: r["review_id"] not in (FULL, BARE)),
        ("locale=en&limit=100", lambda r: True),
        ("locale=en-gb", lambda r: r["review_id"] == FULL),
        ("locale=fr", lambda r: False),
    ],
)
async def test_filters(edge: Edge, query: str, expected: Any) -> None:
    wanted = {r["review_id"] for r in ROWS if r["site"] == "shop" and expected(r)}
    answer = await get(edge, f"/public/shop/reviews?{query}")
    assert {review["id"] for review in answer["data"]} == wanted
    assert answer["meta"]["total"] == len(wanted)


@pytest.mark.parametrize(
    ("query", "first"),
    [
        ("sortBy=created_at&sortOrder=asc", [FULL, BARE]),
        ("sort=created_at&order=desc", [1129, 1128]),
        ("sort=rating&order=asc", [1100, 1105]),
        ("sort=rating&order=desc", [1129, 1124]),
        ("sort=author_name&order=asc", [FULL, 1100]),
        ("sortBy=display_order&sortOrder=asc", [BARE, FULL]),
        ("sortBy=display_order&sortOrder=desc", [FULL, BARE]),
        ("sort=review_date&order=asc", [FULL, BARE]),
    ],
)
async def test_orders(edge: Edge, query: str, first: list[int]) -> None:
    assert (await ids(edge, f"{query}&limit=100"))[:2] == first


async def test_the_nameless_come_last_in_both_directions(edge: Edge) -> None:
    for order in ("asc", "desc"):
        assert (await ids(edge, f"sort=author_name&order={order}&limit=100"))[-1] == BARE


@pytest.mark.parametrize(
    "query", ["limit=101", "page=0", "rating=6", "sort=id", "ids=a", "dateFrom=x", "locale=!", "search=%00"]
)
async def test_bad_values_name_their_field(edge: Edge, query: str) -> None:
    response = await edge.http.get(f"/public/shop/reviews?{query}")
    assert response.status_code == 422
    (error,) = response.json()["errors"]
    assert error["code"] == "VALIDATION_ERROR"
    assert error["field"]
    assert error["message"].startswith(error["field"])
    assert response.headers["cache-control"] == "no-store"


async def test_settings(edge: Edge) -> None:
    response = await edge.http.get("/public/shop/reviews/settings")
    assert response.headers["cache-control"] == "public, max-age=300"
    assert response.json() == {
        "data": {
            "enabled": True,
            "requireApproval": True,
            "allowAnonymous": True,
            "minRating": 2,
            "maxRating": 5,
            "fields": {
                "email": {"enabled": True, "required": True},
                "title": {"enabled": False, "required": False},
            },
        }
    }


async def test_a_closed_site_answers_as_if_it_were_empty(edge: Edge) -> None:
    answer = await get(edge, "/public/closed/reviews?page=2")
    assert answer == {"data": [], "meta": {"total": 0, "perPage": 20, "currentPage": 2, "lastPage": 1}}
    assert (await edge.http.get(f"/public/closed/reviews/{CLOSED}")).status_code == 404
    assert (await get(edge, "/public/closed/summary"))["count"] == 0
    assert (await get(edge, "/public/closed/reviews/settings"))["data"]["enabled"] is False
    response = await edge.http.post("/public/closed/reviews", json=SUBMISSION)
    assert (response.status_code, response.json()["errors"][0]["code"]) == (403, "FORBIDDEN")
    assert edge.intake.taken == []


async def test_sites_that_are_empty_unknown_or_not_named(edge: Edge) -> None:
    assert (await get(edge, "/public/empty/reviews"))["meta"] == {
        "total": 0,
        "perPage": 20,
        "currentPage": 1,
        "lastPage": 1,
    }
    for path in ("reviews", "reviews/settings", "reviews/7", "summary"):
        assert (await edge.http.get(f"/public/unknown/{path}")).status_code == 404
    assert await get(edge, "/public/reviews") == await get(edge, "/public/shop/reviews")
    assert (await get(edge, f"/public/reviews/{FULL}"))["id"] == FULL


async def test_summaries(edge: Edge) -> None:
    assert await get(edge, "/public/shop/summary?entity_id=1078") == {
        "site": "shop",
        "entity_id": "1078",
        "count": 1,
        "average": 4.0,
        "distribution": {"1": 0, "2": 0, "3": 0, "4": 1, "5": 0},
    }
    ratings = [r["rating"] for r in ROWS if r["site"] == "shop"]
    whole = await get(edge, "/public/shop/summary")
    assert (whole["count"], whole["average"], whole["entity_id"]) == (32, sum(ratings) / 32, None)
    assert (await get(edge, "/public/shop/summary?entity_id="))["count"] == 30
    nothing = await get(edge, "/public/shop/summary?entity_id=none")
    assert (nothing["count"], nothing["average"]) == (0, None)


async def test_head_and_tags_over_a_real_server(edge: Edge) -> None:
    got = await edge.http.get("/public/shop/reviews")
    head = await edge.http.head("/public/shop/reviews")
    assert (head.content, head.headers["content-length"]) == (b"", str(len(got.content)))
    assert got.headers["cache-control"] == "public, no-cache"
    again = await edge.http.get("/public/shop/reviews", headers={"If-None-Match": got.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert (await edge.http.get("/live")).status_code == 200
    assert 'service="query"' in (await edge.http.get("/metrics")).text


SUBMISSION: dict[str, Any] = {
    "authorName": "Jane D.",
    "rating": 5,
    "content": "Soft, warm and well made.",
    "authorEmail": "jane@example.com",
}


@pytest.mark.parametrize(
    "path", ["/public/shop/reviews", "/public/shop/reviews/submit", "/public/reviews", "/public/reviews/submit"]
)
async def test_a_submission_goes_to_intake_and_comes_back_pending(edge: Edge, path: str) -> None:
    body = SUBMISSION | {"productName": "Blue shirt", "_hp": "", "_ts": 1_700_000_000_000}
    response = await edge.http.post(
        path, json=body, headers={"Idempotency-Key": "k-1", "Origin": "https://shop.example"}
    )
    assert response.status_code == 201
    assert response.json() == {
        "id": 4711,
        "slug": slug(4711),
        "status": "pending",
        "rating": 5,
        "title": None,
        "content": "Soft, warm and well made.",
        "authorName": "Jane D.",
        "locale": "de",
        "createdAt": "2026-03-01T00:00:00.000+00:00",
    }
    assert "jane@" not in response.text
    assert response.headers["access-control-allow-origin"] == "*"
    ((site, submission, key),) = edge.intake.taken
    assert site == "shop"
    assert key is not None
    assert "k-1" not in key
    assert submission["author"] == {"name": "Jane D.", "email": "jane@example.com"}
    assert submission["entity_id"] == "Blue shirt"


async def test_visitors_do_not_meet_in_one_idempotency_key(edge: Edge) -> None:
    async def key(given: str | None, site: str = "shop", **change: str) -> str | None:
        headers = {} if given is None else {"Idempotency-Key": given}
        response = await edge.http.post(f"/public/{site}/reviews", json=SUBMISSION | change, headers=headers)
        assert response.status_code == 201, response.text
        return edge.intake.taken[-1][2]

    first = await key("1")
    assert first is not None
    assert re.fullmatch(r"[0-9a-f]{64}", first)
    # The same visitor's retry, also one with other words: intake tells those apart.
    assert await key("1") == await key("1", content="Other words than the first time.") == first
    others = [
        await key("2"),
        await key("1", authorName="John"),
        await key("1", authorEmail="john@example.com"),
        await key("1", site="open"),
    ]
    assert len({first, *others}) == 5
    assert await key(None) is None


async def test_pages_too_deep_and_heads_too_large(edge: Edge) -> None:
    response = await edge.http.get("/public/shop/reviews?page=1002&limit=100")
    (error,) = response.json()["errors"]
    assert (response.status_code, error["field"]) == (422, "page")
    assert "narrow" in error["message"]
    response = await edge.http.get("/public/shop/reviews", headers={"X-Forwarded-For": "192.0.2.1," * 4000})
    assert response.status_code == 431


@pytest.mark.parametrize(
    ("change", "status", "fields"),
    [
        ({"rating": 1}, 422, ["rating"]),
        ({"content": "short"}, 422, ["content"]),
        ({"authorEmail": None, "authorName": "J"}, 422, ["authorEmail", "authorName"]),
        ({"_hp": "I am a robot"}, 403, []),
        ({"honeypot": "x"}, 403, []),
    ],
)
async def test_refused_submissions(edge: Edge, change: dict[str, Any], status: int, fields: list[str]) -> None:
    response = await edge.http.post("/public/shop/reviews", json=SUBMISSION | change)
    errors = response.json()["errors"]
    assert response.status_code == status
    assert sorted(error["field"] for error in errors if "field" in error) == fields
    assert {error["code"] for error in errors} == {"VALIDATION_ERROR" if status == 422 else "FORBIDDEN"}
    assert edge.intake.taken == []


async def test_a_form_sent_too_quickly(edge: Edge) -> None:
    for opened in (int(datetime.now(UTC).timestamp() * 1000), datetime.now(UTC).isoformat()):
        for name in ("_ts", "timestamp"):
            response = await edge.http.post("/public/shop/reviews", json=SUBMISSION | {name: opened})
            assert (response.status_code, response.json()["errors"][0]["code"]) == (403, "FORBIDDEN")
    assert edge.intake.taken == []


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (unavailable("away"), 503, "SERVICE_UNAVAILABLE"),
        (IntakeRefused(403, "SPAM", "m", None, None), 403, "FORBIDDEN"),
        (IntakeRefused(409, "ALREADY_REVIEWED", "m", None, None), 422, "VALIDATION_ERROR"),
        (IntakeRefused(429, "TOO_MANY_REQUESTS", "m", None, "9"), 429, "TOO_MANY_REQUESTS"),
    ],
)
async def test_refusals_of_intake(edge: Edge, error: Exception, status: int, code: str) -> None:
    edge.intake.error = error
    response = await edge.http.post("/public/shop/reviews", json=SUBMISSION)
    assert (response.status_code, response.json()["errors"][0]["code"]) == (status, code)
    if status in (429, 503):
        assert int(response.headers["retry-after"]) >= 1


_NAMES = [
    *(
        "page",
        "limit",
        "rating",
        "ratingMin",
        "minRating",
        "ratingMax",
        "maxRating",
        "isFeatured",
        "productName",
        "search",
    ),
    *("sortBy", "sort", "sortOrder", "order", "dateFrom", "dateTo", "slug", "slugs[]", "slugs[0]", "ids", "ids[]"),
    *("excludeIds[]", "locale", "entity_id", "x"),
]
_VALUES = st.one_of(
    st.text(max_size=30),
    st.integers().map(str),
    st.sampled_from(
        [*_NAMES, "asc", "rating", "true", "1,2,,3", "2026-01-01", "9999-12-31", "0001-01-01", "en", slug(FULL)]
    ),
    st.datetimes().map(datetime.isoformat),
)
_QUERIES = st.lists(st.tuples(st.sampled_from(_NAMES), _VALUES), max_size=6).map(
    lambda pairs: "&".join(f"{name}={quote(value, errors='surrogatepass')}" for name, value in pairs)
)
_RAW = st.text(st.characters(min_codepoint=33, max_codepoint=126, exclude_characters="#?"), max_size=40)
_PATHS = st.one_of(
    st.sampled_from(
        ["/public/shop/reviews", "/public/shop/summary", "/public/shop/reviews/settings", "/public/reviews"]
    ),
    st.text(max_size=20).map(lambda text: f"/public/shop/reviews/{quote(text, safe='', errors='surrogatepass')}"),
    st.text(max_size=20).map(lambda text: f"/public/{quote(text, safe='', errors='surrogatepass')}/reviews"),
    _RAW.map(lambda text: "/" + text),
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(_PATHS, st.one_of(_QUERIES, _RAW))
async def test_no_address_makes_it_fail(edge: Edge, path: str, query: str) -> None:
    path = re.sub(r"%(?![0-9A-Fa-f]{2})", "%25", path)
    raw = f"{path}?{query}".encode()
    request = edge.http.build_request("GET", str(edge.http.base_url))
    request.url = request.url.copy_with(raw_path=raw)
    response = await edge.http.send(request)
    assert response.status_code in (200, 400, 404, 422), (raw, response.text)
    if response.status_code != 400:
        assert response.json()
