"""What readers and shops do beside an import: reviews, comments, votes, reports of abuse, a catalog and withdrawals.

All of it goes to a site of its own over HTTP, each request again until it is answered, in which case it counts. What
must be there in the end is known beforehand.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import asyncpg
import httpx

from services.moderation.policy.policy import default_policy
from services.projection.recount import differences
from shared.events.topics import CATALOG_UPDATED, COMMENT_MODERATED, COMMENT_SUBMITTED, REVIEW_FEEDBACK
from tests.chaos.load import Row, check_order, rows
from tests.running import RunningSystem, Site, eventually

COUNT = 24
AT_ONCE = 4
FOUL = "What a fucking lie"
ANSWERED = {200, 201}


@dataclass(frozen=True)
class Plan:
    """One review, and all that happens around it, in the order of the names."""

    number: int
    row: Row

    @property
    def status(self) -> str:
        return self.row.verdict(default_policy(), "").status

    @property
    def reporters(self) -> int:
        """Five bring a review back to people. Never of one that is withdrawn: which of both is first is nobody's."""
        return 0 if self.is_withdrawn else self.number % 7

    @property
    def is_reported_back(self) -> bool:
        limit = default_policy().reports
        assert limit is not None
        assert not limit.hides
        return self.status == "approved" and self.reporters >= limit.at

    @property
    def is_withdrawn(self) -> bool:
        return self.number % 6 == 3

    @property
    def is_public(self) -> bool:
        return self.status == "approved" and not self.is_withdrawn

    @property
    def product(self) -> str:
        return f"q{self.number}"

    @property
    def is_in_catalog(self) -> bool:
        return self.number % 5 != 0

    @property
    def comments(self) -> tuple[str, str]:
        """The last words of both. They are too short to be copies of each other."""
        return (f"Mine too, number {self.number}.", FOUL if self.number % 3 == 2 else f"Thanks, says {self.number}.")

    @property
    def is_edited(self) -> bool:
        """The first comment said something else before."""
        return self.number % 2 == 0

    @property
    def second_is_withdrawn(self) -> bool:
        return self.number % 4 == 1

    @property
    def public_comments(self) -> set[tuple[int, str]]:
        """By their places."""
        if not self.is_public:
            return set()
        return {
            (place, text)
            for place, text in enumerate(self.comments)
            if text != FOUL and not (place == 1 and self.second_is_withdrawn)
        }

    @property
    def decisions(self) -> list[tuple[str, str]]:
        """All that is ever decided on the review."""
        made = [(self.status, "policy")]
        if self.is_reported_back:
            made.append(("held", "system"))
        return [*made, ("withdrawn", "system")] if self.is_withdrawn else made

    def decisions_on(self, place: int) -> list[tuple[str, str]]:
        status = "rejected" if self.comments[place] == FOUL else "approved"
        made = [(status, "policy")] * (2 if place == 0 and self.is_edited else 1)
        is_gone = self.is_withdrawn or (place == 1 and self.second_is_withdrawn)
        return [*made, ("withdrawn", "system")] if is_gone else made


@dataclass
class Traffic:
    """`begin`, then `finish`, which returns once everything was accepted."""

    system: RunningSystem
    site: Site
    plans: Sequence[Plan] = field(default_factory=lambda: [Plan(row.number, row) for row in rows(COUNT, seed=11)])
    _running: asyncio.Task[None] | None = None

    def begin(self) -> None:
        self._running = asyncio.create_task(self._send())

    async def finish(self) -> None:
        assert self._running is not None
        await asyncio.wait_for(self._running, 120)

    async def _send(self) -> None:
        waiting = iter(self.plans)

        async def some() -> None:
            for plan in waiting:
                await self._around(plan)

        async with asyncio.TaskGroup() as group:
            for _ in range(AT_ONCE):
                group.create_task(some())

    async def _around(self, plan: Plan) -> None:
        product = {"name": f"Coat {plan.number}", "category_id": f"c{plan.number % 3}", "brand_id": "b"}
        await self._request("PUT", f"/catalog/categories/c{plan.number % 3}", {"name": "Coats"})
        await self._request("PUT", f"/catalog/products/{plan.product}", {**product, "name": "Coat"})
        review = {
            "rating": plan.row.stars,
            "title": plan.row.headline,
            "text": plan.row.words,
            "entity_id": plan.product,
            "author": {"id": f"a{plan.number}"},
            "locale": "en",
        }
        made = await self._request("POST", "/reviews", review | {"source": "traffic", "source_id": str(plan.number)})
        at = f"/reviews/{made['review_id']}"
        comments = []
        for place, text in enumerate(plan.comments):
            name = f"{plan.number}-{place}"
            body = {"text": text, "author": {"id": f"c{name}"}, "locale": "en", "source": "traffic", "source_id": name}
            if place == 0 and plan.is_edited:
                await self._request("POST", f"{at}/comments", body | {"text": f"Well, number {plan.number}."})
            comments.append((await self._request("POST", f"{at}/comments", body))["comment_id"])
        for voter, vote in (("v", "positive"), ("w", "positive"), ("w", "negative"), ("x", "negative"), ("x", None)):
            await self._vote(at, voter, "helpfulness", vote)
        for reporter in range(plan.reporters):
            await self._vote(at, f"r{reporter}", "inappropriate", "inappropriate")
        await self._vote(f"/comments/{comments[0]}", "v", "helpfulness", "positive")
        if plan.second_is_withdrawn:
            await self._request("DELETE", f"/comments/{comments[1]}")
        if plan.is_withdrawn:
            await self._request("DELETE", at)
        await self._request("PUT", f"/catalog/products/{plan.product}", product)
        if not plan.is_in_catalog:
            await self._request("DELETE", f"/catalog/products/{plan.product}")

    async def _vote(self, at: str, voter: str, kind: str, vote: str | None) -> None:
        await self._request("PUT", f"{at}/feedback", {"voter": {"id": voter}, "kind": kind, "vote": vote})

    async def _request(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """Again, while nobody answers: none of them says anything new the second time."""
        answer: dict[str, Any] = {}

        async def answered() -> bool:
            try:
                found = await self.site.call("intake", method, path, **({} if body is None else {"json": body}))
            except (httpx.TransportError, KeyError):
                return False
            if found.status_code >= 500:
                return False
            assert found.status_code in ANSWERED, f"{method} {path}: {found.status_code} {found.text}"
            answer.update(found.json())
            return True

        await eventually(answered, 60, f"{method} {path} to be answered")
        return answer

    async def check(self) -> None:
        """All that was accepted has had its effect, once, and the public sees exactly what is approved."""
        await eventually(self._is_through, 60, "the traffic to be through")
        async with self.system.database() as connection:
            ids = await self._ids(connection, "review_id", "reviews")
            comment_ids = await self._ids(connection, "comment_id", "comments")
            assert set(ids) == {str(plan.number) for plan in self.plans}
            assert set(comment_ids) == {f"{plan.number}-{place}" for plan in self.plans for place in (0, 1)}
            assert await self._decisions(connection) == {
                **{ids[str(plan.number)]: plan.decisions for plan in self.plans},
                **{
                    comment_ids[f"{plan.number}-{place}"]: plan.decisions_on(place)
                    for plan in self.plans
                    for place in (0, 1)
                },
            }
            assert await self._public_reviews(connection) == {
                ids[str(plan.number)]: (
                    plan.row.headline,
                    plan.row.words,
                    1,
                    1,
                    plan.reporters,
                    len(plan.public_comments),
                )
                for plan in self.plans
                if plan.is_public
            }
            assert await self._public_comments(connection) == {
                comment_ids[f"{plan.number}-{place}"]: (ids[str(plan.number)], text, 1 if place == 0 else 0)
                for plan in self.plans
                for place, text in plan.public_comments
            }
            assert await self._catalog(connection) == self._products()
            assert await differences(connection) == []
        for topic in (COMMENT_SUBMITTED, COMMENT_MODERATED, REVIEW_FEEDBACK, CATALOG_UPDATED):
            await check_order(self.system, topic.name)

    async def _is_through(self) -> bool:
        async with self.system.database() as connection:
            is_sent = await connection.fetchval(
                "select not exists (select from intake.outbox) and not exists (select from moderation.outbox)"
            )
            if not is_sent:
                return False
            counts = Counter(decision for made in (await self._decisions(connection)).values() for decision in made)
            wanted = Counter(
                decision
                for plan in self.plans
                for decision in (*plan.decisions, *plan.decisions_on(0), *plan.decisions_on(1))
            )
            public = await self._public_reviews(connection)
            return (
                counts == wanted
                and len(public) == sum(plan.is_public for plan in self.plans)
                and sum(row[-2] for row in public.values()) == sum(p.reporters for p in self.plans if p.is_public)
                and sum(row[-4] + row[-3] for row in public.values()) == 2 * len(public)
                and len(await self._public_comments(connection)) == sum(len(p.public_comments) for p in self.plans)
                and await self._catalog(connection) == self._products()
            )

    def _products(self) -> dict[str, tuple[Any, ...]]:
        return {
            plan.product: (f"Coat {plan.number}", f"c{plan.number % 3}") for plan in self.plans if plan.is_in_catalog
        }

    async def _ids(self, connection: asyncpg.Connection[Any], column: str, table: str) -> dict[str, int]:
        return dict(
            await connection.fetch(f"select source_id, {column} from intake.{table} where site = $1", self.site.site)
        )

    async def _decisions(self, connection: asyncpg.Connection[Any]) -> dict[int, list[tuple[str, str]]]:
        made: dict[int, list[tuple[str, str]]] = {}
        for content_id, status, actor_kind in await connection.fetch(
            """select review_id, status, actor_kind from moderation.decisions
               where site = $1 order by review_id, version""",
            self.site.site,
        ):
            made.setdefault(content_id, []).append((status, actor_kind))
        return made

    async def _public_reviews(self, connection: asyncpg.Connection[Any]) -> dict[int, tuple[Any, ...]]:
        found = await connection.fetch(
            """select review_id, title, text, positive_votes, negative_votes, abuse_reports, comment_count
               from published.reviews where site = $1""",
            self.site.site,
        )
        return {row[0]: tuple(row)[1:] for row in found}

    async def _public_comments(self, connection: asyncpg.Connection[Any]) -> dict[int, tuple[Any, ...]]:
        found = await connection.fetch(
            "select comment_id, review_id, text, positive_votes from published.comments where site = $1", self.site.site
        )
        return {row[0]: tuple(row)[1:] for row in found}

    async def _catalog(self, connection: asyncpg.Connection[Any]) -> dict[str, tuple[Any, ...]]:
        found = await connection.fetch(
            "select product_id, name, category_id from published.products where site = $1", self.site.site
        )
        return {row[0]: tuple(row)[1:] for row in found}
