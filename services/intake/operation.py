"""What a record of an ingest topic may ask for: the shape that all operations have."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Generic, NamedTuple, TypeAlias, TypeVar

from pydantic import BaseModel

from services.intake.refusal import Refusal, Refused
from services.intake.registry import Registry
from services.intake.transaction import Connection

M = TypeVar("M", bound=BaseModel)


class Place(NamedTuple):
    """Of the record itself: what names it as long as its topic lives, where its sender gave no name."""

    source: str
    source_id: str


@dataclass(frozen=True, slots=True)
class Asked(Generic[M]):
    """One record: its body, the topic that it came on, and the trace that it belongs to."""

    body: M
    place: Place
    by: str
    traceparent: str


Perform: TypeAlias = Callable[[Connection, Registry, str, Sequence[Asked[M]]], Awaitable[Sequence[Refusal | None]]]
"""In a transaction, for a site: the refusal of each, in order, or None. Raises what must stop the whole batch."""


@dataclass(frozen=True, slots=True)
class Operation(Generic[M]):
    """`body` is what a record's value must be; neighbouring records of one operation are performed together."""

    body: type[M]
    perform: Perform[M]


def one_by_one(do: Callable[[Connection, Registry, str, Asked[M]], Awaitable[object]]) -> Perform[M]:
    """`do` raises Refused before it has changed anything."""

    async def perform(
        tx: Connection, registry: Registry, site: str, asked: Sequence[Asked[M]]
    ) -> Sequence[Refusal | None]:
        refusals: list[Refusal | None] = []
        for one in asked:
            try:
                await do(tx, registry, site, one)
            except Refused as refused:
                refusals.append(refused.refusal)
            else:
                refusals.append(None)
        return refusals

    return perform
