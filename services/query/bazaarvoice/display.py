"""The vendor's display API: a query string in, an envelope out."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Protocol

from services.query.bazaarvoice import answers
from services.query.bazaarvoice.anonymous import with_authors
from services.query.bazaarvoice.envelope import failure, success
from services.query.bazaarvoice.errors import Refused, VendorError
from services.query.bazaarvoice.jsonp import read_callback, wrap
from services.query.bazaarvoice.labels import Labels, arrange
from services.query.bazaarvoice.locales import read_locale, vendor_locale
from services.query.bazaarvoice.parameters import Parameters, read_parameters
from services.query.bazaarvoice.question import (
    Endpoint,
    Question,
    StatisticsQuestion,
    read_question,
    read_statistics_question,
)
from services.query.bazaarvoice.statistics import product_statistics
from services.query.core.answers import Answer, BulkStatistics
from services.query.core.query import Query, StatisticsQuery
from services.query.core.vocabulary import Vocabularies
from services.query.exchange import NO_STORE, Header, Request, Response
from services.query.problem import not_found
from shared.pass_keys import PassKey

ENDPOINTS = frozenset(Endpoint)
REFUSED = "bazaarvoice.refused"
"""The route of answers with errors, in metrics."""

# A list is asked again each time, so that a review that was approved or removed shows at the next look.
_CACHE: Header = (b"cache-control", b"public, no-cache")
_ROUTES = {endpoint: f"bazaarvoice.{endpoint.removesuffix('.json')}" for endpoint in Endpoint}
_CACHED_BYTES = 500
_ARRANGED = 1_000
_NO_VOCABULARIES = Vocabularies({})


class DisplayReader(Protocol):
    """What of the core's reader display needs; None means that there is no such site."""

    async def ask(self, query: Query) -> Answer | None: ...

    async def statistics(self, query: StatisticsQuery) -> BulkStatistics | None: ...

    async def vocabularies(self, site: str) -> Vocabularies | None: ...


class Display:
    def __init__(self, reader: DisplayReader) -> None:
        self._reader = reader
        self._labels: dict[str, tuple[Vocabularies, dict[int, Labels]]] = {}

    async def answer(self, endpoint: str, request: Request, pass_key: PassKey) -> Response:
        """`endpoint` is one of ENDPOINTS. Refusals are answers here: HTTP 200, and the errors in the envelope.

        Raises Problem 404 for another endpoint, and what the reader raises.
        """
        if endpoint not in ENDPOINTS:
            raise not_found("there is no such endpoint of the display API")
        callback, locale = None, vendor_locale(pass_key.locale)
        try:
            parameters = read_cached(request.query)
            callback = read_callback(parameters.scalar("callback"))
            locale = read_locale(parameters.scalar("locale"), locale)
            known = await self._reader.vocabularies(pass_key.site) or _NO_VOCABULARIES
            labels = self._arranged(pass_key.site, locale, known)
            if endpoint == Endpoint.STATISTICS:
                body = await self._statistics(read_statistics_question(parameters, pass_key, known), locale)
            else:
                question = _question(Endpoint(endpoint), request.query, pass_key, known)
                body = await self._page(question, labels)
        except Refused as error:
            return _respond(REFUSED, failure(error.errors, locale), callback)
        return _respond(_ROUTES[Endpoint(endpoint)], body, callback)

    async def _page(self, question: Question, labels: Labels) -> bytes:
        query = question.query
        answer = await self._reader.ask(query)
        # Of a closed site there is nothing to see, as if it had nothing.
        shown = answer is not None and answer.enabled
        if answer is not None and shown:
            answer = with_authors(answer, query)
        return success(
            limit=query.page.limit,
            offset=query.page.offset,
            total=answer.total if answer is not None and shown else 0,
            locale=labels.locale,
            results=answers.results(answer, question, labels) if answer is not None and shown else [],
            includes=answers.includes(answer, question, labels) if answer is not None and shown else {},
        )

    async def _statistics(self, question: StatisticsQuestion, locale: str) -> bytes:
        found = await self._reader.statistics(question.query) if question.query.product_ids else None
        products = found.products if found is not None and found.enabled else []
        limit = len(products) if question.limit is None else question.limit
        return success(
            limit=limit,
            offset=question.offset,
            total=len(products),
            locale=locale,
            results=[
                product_statistics(counts, question.all_reviews, question.native_reviews, question.incentivized)
                for counts in products[question.offset : question.offset + limit]
            ],
        )

    def _arranged(self, site: str, locale: str, known: Vocabularies) -> Labels:
        """Arranging a vocabulary takes longer than rendering a page by it.

        Kept for each vocabulary and not for each locale, of which strangers can make up any number.
        """
        kept = self._labels.get(site)
        if kept is None or kept[0] is not known:
            if len(self._labels) >= _ARRANGED:
                self._labels.clear()
            kept = self._labels[site] = known, {}
        vocabulary = known.of(locale)
        # Its id names no other, for `known` holds it.
        labels = kept[1].get(id(vocabulary))
        if labels is None:
            labels = kept[1][id(vocabulary)] = arrange(vocabulary, locale)
        return labels if labels.locale == locale else replace(labels, locale=locale)


def read_cached(query_string: bytes) -> Parameters:
    # The same few questions are asked again and again; long ones would only fill the memory.
    return _parameters(query_string) if len(query_string) <= _CACHED_BYTES else read_parameters(query_string)


_parameters = lru_cache(maxsize=2048)(read_parameters)


def _question(endpoint: Endpoint, query_string: bytes, key: PassKey, known: Vocabularies) -> Question:
    if len(query_string) <= _CACHED_BYTES:
        return _cached_question(endpoint, query_string, key, known)
    return read_question(endpoint, read_parameters(query_string), key, known)


@lru_cache(maxsize=2048)
def _cached_question(endpoint: Endpoint, query_string: bytes, key: PassKey, known: Vocabularies) -> Question:
    return read_question(endpoint, _parameters(query_string), key, known)


def refuse(query_string: bytes, errors: Sequence[VendorError], locale: str | None, status: int = 200) -> Response:
    """Errors found before or beside a display request, wrapped as its answer would have been.

    `locale` is None where the pass key is bad, for then nobody knows whose question it is.
    """
    callback = None
    # A callback that cannot be trusted is not called; what was found first is told.
    with contextlib.suppress(Refused):
        callback = read_callback(read_cached(query_string).scalar("callback"))
    response = _respond(REFUSED, failure(errors, locale), callback)
    response.status = status
    return response


def _respond(route: str, body: bytes, callback: str | None) -> Response:
    body, content_type = wrap(body, callback)
    if route == REFUSED:
        return Response(route, 200, body, [content_type, NO_STORE])
    tag = b'"%s"' % hashlib.sha256(body).hexdigest()[:32].encode()
    return Response(route, 200, body, [content_type, _CACHE, (b"etag", tag)])
