"""Many entries of the catalog in one request: a line in, a line out, in order, each as soon as it is committed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import orjson

from services.intake.batch import answers, refused_line, too_long
from services.intake.catalog import BATCH, Catalog, Change, Outcome
from services.intake.catalog_body import parse_line
from services.intake.ndjson import Line
from services.intake.refusal import Refusal
from services.intake.submission import Invalid
from services.intake.transaction import transaction


class CatalogBatch:
    """One request's lines. What is committed stays committed, whatever becomes of the lines after it."""

    def __init__(self, pool: asyncpg.Pool[Any], catalog: Catalog, site: str, traceparent: str) -> None:
        self._pool = pool
        self._catalog = catalog
        self._site = site
        self._traceparent = traceparent

    def results(self, body: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """Pieces of the answer."""
        return answers(body, BATCH, self._take)

    async def _take(self, lines: list[Line]) -> bytes:
        checked = [self._check(line) for line in lines]
        good = [one for one in checked if isinstance(one, Change)]
        outcomes: list[Outcome] = []
        if good:
            async with transaction(self._pool) as connection:
                outcomes = await self._catalog.change(connection, self._site, good)
        rest = iter(outcomes)
        return b"".join(
            _answer(line, one, next(rest)) if isinstance(one, Change) else refused_line(line, one)
            for line, one in zip(lines, checked, strict=True)
        )

    def _check(self, line: Line) -> Change | Refusal:
        if line.body is None:
            return too_long("entry")
        try:
            return parse_line(line.body, self._traceparent)
        except Invalid as invalid:
            return invalid.refusal


def _answer(line: Line, change: Change, outcome: Outcome) -> bytes:
    answer = {"line": line.number, "outcome": outcome, "kind": change.key.kind, "id": change.key.entry_id}
    return orjson.dumps(answer, option=orjson.OPT_APPEND_NEWLINE)
