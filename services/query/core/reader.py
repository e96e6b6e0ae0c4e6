"""What the public edge may ask of the read model. Every answer is one statement, and so one snapshot."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

import orjson

from services.query.core import assembly, cost, sql
from services.query.core.answers import Answer, BulkStatistics, ProductCounts, ReviewPage, SingleReview, Site, Summary
from services.query.core.conditions import Schema
from services.query.core.connections import Connections
from services.query.core.document import Document
from services.query.core.query import MAX_ID, Query, ReviewQuery, StatisticsQuery, Subject, storable
from services.query.core.sql import Statement
from services.query.core.vocabulary import Vocabularies
from services.query.core.walks import Known, Place, Walks
from shared.events.settings import SiteSettings
from shared.events.vocabulary import Vocabulary

VOCABULARY_SECONDS = 2.0
FAR = 200
"""The offset from which it is quicker to start where an earlier page ended than to skip rows."""
_MAX_CACHED_SITES = 1000


class ReviewReader(Protocol):
    """None everywhere means that there is no such site. Errors are those of `Connections.fetch`.

    Whether a site is `enabled` is told and not acted upon: what a closed site answers differs between dialects.
    """

    async def site(self, site: str) -> Site | None: ...

    async def reviews(self, query: ReviewQuery, document: Document) -> ReviewPage | None: ...

    async def review(self, site: str, review_id: int, document: Document) -> SingleReview | None: ...

    async def summary(self, site: str, entity_id: str | None) -> Summary | None:
        """Of one entity ('' is the site itself), or of all the site's reviews when None."""
        ...


class Reader(ReviewReader, Protocol):
    """All of it. None and errors as above."""

    async def ask(self, query: Query) -> Answer | None:
        """A page of any subject with what it includes."""
        ...

    async def statistics(self, query: StatisticsQuery) -> BulkStatistics | None: ...

    async def vocabularies(self, site: str) -> Vocabularies | None:
        """Up to two seconds old."""
        ...


class _Statement(Protocol):
    def __call__(self, *, walked: bool, known: Known | None) -> Statement: ...


class _KnownVocabularies(NamedTuple):
    until: float
    texts: Mapping[str, str]
    """The vocabularies' JSON by locale."""
    vocabularies: Vocabularies


class PostgresReader:
    def __init__(self, connections: Connections, schema: Schema = "published", *, far: int = FAR) -> None:
        self._connections = connections
        self._schema = schema
        self._vocabularies: dict[str, _KnownVocabularies] = {}
        self._walks = Walks()
        self._far = far

    async def site(self, site: str) -> Site | None:
        if not storable(site):
            return None
        rows = await self._connections.fetch(sql.site_statement(self._schema, site))
        if not rows:
            return None
        name, enabled, settings = rows[0]
        # The column is what reads go by; the document repeats it.
        return Site(name, SiteSettings.model_validate_json(settings).model_copy(update={"enabled": enabled}))

    async def reviews(self, query: ReviewQuery, document: Document) -> ReviewPage | None:
        def statement(*, walked: bool, known: Known | None) -> Statement:
            return sql.reviews_statement(self._schema, document, query, walked=walked, known=known)

        row = await self._page(query, statement)
        if row is None:
            return None
        enabled, total, documents = row
        return ReviewPage(enabled, total, "[]" if documents is None else document.finish(documents))

    async def review(self, site: str, review_id: int, document: Document) -> SingleReview | None:
        if not storable(site) or not 0 < review_id <= MAX_ID:
            return None
        rows = await self._connections.fetch(sql.review_statement(self._schema, document, site, review_id))
        if not rows:
            return None
        enabled, found = rows[0]
        return SingleReview(enabled, None if found is None else document.finish(found))

    async def summary(self, site: str, entity_id: str | None) -> Summary | None:
        if not storable(site) or not storable(entity_id or ""):
            return None
        rows = await self._connections.fetch(sql.summary_statement(self._schema, site, entity_id))
        if not rows:
            return None
        enabled, count, rating_sum, *ratings = rows[0]
        one, two, three, four, five = ratings
        return Summary(enabled, count, rating_sum, (one, two, three, four, five))

    async def ask(self, query: Query) -> Answer | None:
        shown: tuple[Subject, ...] = ()

        def statement(*, walked: bool, known: Known | None) -> Statement:
            nonlocal shown
            found, shown = sql.query_statement(self._schema, query, walked=walked, known=known)
            return found

        row = await self._page(query, statement)
        return None if row is None else assembly.answer(query, shown, row)

    async def _page(self, query: ReviewQuery | Query, statement: _Statement) -> tuple[Any, ...] | None:
        """Enabled, total, and what follows them."""
        expensive = cost.is_expensive(query)
        if not expensive and query.page.offset < self._far:
            rows = await self._connections.fetch(statement(walked=False, known=None))
            return tuple(rows[0]) if rows else None
        question = sql.question(query)
        known = self._walks.find(question, query.page.offset)
        while True:
            rows = await self._connections.fetch(statement(walked=True, known=known), expensive=expensive)
            if not rows:
                return None
            row = rows[0]
            walked = list(row.keys()).index("version")
            enabled, total, *rest = row[:walked]
            version, count, *keys = row[walked:]
            if known is None or known.version == version:
                break
            # Something was published since: what is known is of another state.
            known = None
        if known is not None:
            total = known.total
        place = None if count is None else Place(query.page.offset + count, tuple(keys))
        self._walks.keep(question, version, total, place)
        return (enabled, total, *rest)

    async def statistics(self, query: StatisticsQuery) -> BulkStatistics | None:
        statement = sql.statistics_statement(self._schema, query)
        rows = await self._connections.fetch(statement, expensive=cost.counts_much(query))
        if not rows:
            return None
        enabled, counted = rows[0]
        products = [] if counted is None else [ProductCounts(*counts) for counts in orjson.loads(counted)]
        return BulkStatistics(enabled, products)

    async def vocabularies(self, site: str) -> Vocabularies | None:
        if not storable(site):
            return None
        known = self._vocabularies.get(site)
        if known is not None and known.until > time.monotonic():
            return known.vocabularies
        rows = await self._connections.fetch(sql.vocabularies_statement(self._schema, site))
        if not rows:
            return None
        texts = {locale: text for locale, text in rows if locale is not None}
        if known is not None and known.texts == texts:
            # The same object as before: dialects keep what they make of one.
            found = known.vocabularies
        else:
            found = Vocabularies({locale: Vocabulary.model_validate_json(text) for locale, text in texts.items()})
        if len(self._vocabularies) >= _MAX_CACHED_SITES:
            self._vocabularies.clear()
        self._vocabularies[site] = _KnownVocabularies(time.monotonic() + VOCABULARY_SECONDS, texts, found)
        return found

    async def check(self) -> None:
        """Raises unless the read model answers."""
        # What the newest migration added, too: a process of this release is not ready on tables of an older one.
        tables = (
            f"{self._schema}.sites, {self._schema}.version, (select locale from {self._schema}.summaries limit 1) x"
        )
        await self._connections.fetch(sql.Statement(f"select from {tables} limit 1", []))
