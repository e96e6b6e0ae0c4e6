"""The edge with the Bazaarvoice dialect around a site in memory, for the tests of what is sent to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal
from urllib.parse import urlencode

import httpx

from services.query.bazaarvoice.conversations import Conversations
from services.query.bazaarvoice.display import Display
from services.query.bazaarvoice.gate import Gate
from services.query.bazaarvoice.quotas import Quotas
from services.query.bazaarvoice.responses import Responses
from services.query.bazaarvoice.submissions import Rules, Submissions
from services.query.client import Clients
from services.query.core.answers import Answer, BulkStatistics, Row, Site
from services.query.core.query import Compare, Query, StatisticsQuery, Subject
from services.query.core.vocabulary import Vocabularies
from services.query.cors import Cors
from services.query.edge import Edge
from services.query.exchange import Receive, Request, Response, Scope, Send
from services.query.intake import Accepted, IntakeRefused, Reply
from services.query.problem import Problem, not_found
from services.query.router import Mount, Router
from shared.events.settings import SiteSettings
from shared.http.rate_limit import RateLimiter
from shared.pass_keys import PassKey
from tests.bazaarvoice_examples import PASS_KEY, SITE, VOCABULARIES, comment_row, review_row

TOKEN = "abcdefgh1234567890abcdefg"
"""A pass key that works."""
REVIEW, COMMENT = 1001, 2001
"""What is public."""
NOW = datetime(2026, 3, 1, 12, 0, 30, 123456, tzinfo=UTC)


@dataclass
class Clock:
    time: datetime = NOW

    def now(self) -> datetime:
        return self.time

    def monotonic(self) -> float:
        return self.time.timestamp()

    async def sleep(self, seconds: float) -> None:
        raise AssertionError("nothing waits")


@dataclass
class RecordingIntake:
    """Takes everything, or raises `error`; remembers what it was given."""

    error: Exception | None = None
    reviews: list[tuple[str, Mapping[str, Any], str | None]] = field(default_factory=list)
    comments: list[tuple[str, int, Mapping[str, Any], str | None]] = field(default_factory=list)
    feedback: list[tuple[str, str, int, Mapping[str, Any]]] = field(default_factory=list)
    replies: dict[tuple[str, int, int], dict[str, Any]] = field(default_factory=dict)
    authorizations: list[str] = field(default_factory=list)
    idempotency_keys: list[str | None] = field(default_factory=list)

    async def submit(self, site: str, submission: Mapping[str, object], idempotency_key: str | None) -> Accepted:
        self._fail()
        self.reviews.append((site, submission, idempotency_key))
        return Accepted(4711, "lovely-3mv", "2026-03-01T00:00:00+00:00")

    async def comment(
        self, site: str, review_id: int, comment: Mapping[str, object], idempotency_key: str | None
    ) -> int:
        self._fail()
        self.comments.append((site, review_id, comment, idempotency_key))
        return 4712

    async def give_feedback(
        self, site: str, kind: Literal["review", "comment"], content_id: int, feedback: Mapping[str, object]
    ) -> None:
        self._fail()
        self.feedback.append((site, kind, content_id, feedback))

    async def add_reply(
        self, site: str, review_id: int, reply: Mapping[str, object], authorization: str, idempotency_key: str | None
    ) -> int:
        self._fail()
        self.authorizations.append(authorization)
        self.idempotency_keys.append(idempotency_key)
        slot = next(number for number in range(100) if (site, review_id, number) not in self.replies)
        self.replies[site, review_id, slot] = {"author_name": None, "department": None, **reply}
        return slot

    async def change_reply(
        self, site: str, review_id: int, slot: int, changes: Mapping[str, object], authorization: str
    ) -> None:
        self._fail()
        self.authorizations.append(authorization)
        self._standing(site, review_id, slot).update(changes)

    async def read_reply(self, site: str, review_id: int, slot: int, authorization: str) -> Reply:
        self._fail()
        standing = self._standing(site, review_id, slot)
        names = ("text", "author_name", "department", "response_type", "response_source")
        known: dict[str, Any] = {name: standing.get(name) for name in names}
        return Reply(slot=slot, posted_at="2026-03-01T00:00:00Z", updated_at="2026-03-02T00:00:00Z", **known)

    async def remove_reply(self, site: str, review_id: int, slot: int, authorization: str) -> bool:
        self._fail()
        self.authorizations.append(authorization)
        return self.replies.pop((site, review_id, slot), None) is not None

    def _standing(self, site: str, review_id: int, slot: int) -> dict[str, Any]:
        found = self.replies.get((site, review_id, slot))
        if found is None:
            raise IntakeRefused(404, "NOT_FOUND", "there is no reply in this slot", None, None)
        return found

    def _fail(self) -> None:
        if self.error is not None:
            raise self.error


@dataclass
class Shop:
    """A site with one public review and one public comment; what else is asked for by its id is not there."""

    settings: SiteSettings = field(default_factory=SiteSettings)
    known: Vocabularies = VOCABULARIES
    review: Row = field(default_factory=lambda: review_row(review_id=REVIEW))

    async def site(self, site: str) -> Site | None:
        return Site("Shop", self.settings) if site == SITE else None

    async def vocabularies(self, site: str) -> Vocabularies | None:
        return self.known if site == SITE else None

    async def ask(self, query: Query) -> Answer | None:
        rows = [self.review] if query.subject is Subject.REVIEWS else [comment_row(comment_id=COMMENT)]
        for condition in query.conditions:
            assert isinstance(condition, Compare)
            rows = [row for row in rows if row[str(condition.field)] in condition.values]
        return Answer(self.settings.enabled, len(rows), rows, {}) if query.site == SITE else None

    async def statistics(self, query: StatisticsQuery) -> BulkStatistics | None:
        raise AssertionError("nobody asks for statistics")


@dataclass
class Keys:
    key: PassKey = PASS_KEY

    async def find(self, token: str) -> PassKey | None:
        return self.key if token == TOKEN else None


class Elsewhere:
    """Whatever is no path of the vendor's."""

    async def answer(self, request: Request) -> Response:
        raise not_found("elsewhere")

    def refuse(self, request: Request, problem: Problem) -> Response:
        return Response("elsewhere", problem.status, b"elsewhere")

    def allowed(self, request: Request) -> str:
        return "GET"


async def no_probes(scope: Scope, receive: Receive, send: Send) -> None:
    raise AssertionError("nobody asks for probes")


@dataclass
class Storefront:
    shop: Shop = field(default_factory=Shop)
    intake: RecordingIntake = field(default_factory=RecordingIntake)
    clock: Clock = field(default_factory=Clock)
    keys: Keys = field(default_factory=Keys)
    rules: Rules = field(default_factory=Rules)
    secret: bytes = b"secret"
    writes: RateLimiter | None = None
    reads: RateLimiter | None = None

    def __post_init__(self) -> None:
        self.quotas = Quotas(self.clock)

    def client(self, peer: str = "203.0.113.9") -> httpx.AsyncClient:
        clients = Clients(())
        submissions = Submissions(self.shop, self.intake, self.clock, clients.group, self.rules, self.secret)
        conversations = Conversations(Display(self.shop), submissions, Gate(self.keys, self.quotas))
        responses = Responses(self.shop, self.intake, {"shop.example": "shop"}.__getitem__)
        mounts = (Mount("/data", conversations), Mount("/response", responses, takes_forms=False))
        edge = Edge(
            Router(Elsewhere(), mounts),
            no_probes,
            cors=Cors(),
            clients=clients,
            reads=self.reads,
            writes=self.writes,
        )
        transport = httpx.ASGITransport(edge, client=(peer, 5000))
        return httpx.AsyncClient(transport=transport, base_url="http://shop.example")

    async def post(self, endpoint: str, peer: str = "203.0.113.9", **fields: Any) -> Any:
        """The answer to a form with a good pass key."""
        content = urlencode({"ApiVersion": "5.4", "PassKey": TOKEN, **fields})
        headers = {"content-type": "application/x-www-form-urlencoded"}
        response = await self.client(peer).post(f"/data/{endpoint}.json", content=content, headers=headers)
        assert response.status_code == 200, response.text
        return response.json()


REVIEW_FORM = {
    "Action": "Submit",
    "ProductId": "P1",
    "Rating": "4",
    "Title": "Good",
    "ReviewText": "Quite good, all in all.",
    "UserNickname": "Ann",
    "AgreedToTermsAndConditions": "true",
}
COMMENT_FORM = {"Action": "Submit", "ReviewId": str(REVIEW), "CommentText": "I agree.", "UserNickname": "Ben"}
VOTE = {
    "ContentId": str(REVIEW),
    "ContentType": "review",
    "FeedbackType": "helpfulness",
    "Vote": "Positive",
    "UserId": "u-1",
}
