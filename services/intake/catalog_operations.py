"""What records of ingest topics may ask of the catalog."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from pydantic import BaseModel

from services.intake.catalog import Catalog, Change
from services.intake.catalog_body import BODIES, EntryBody, RemovedBody, put, removal
from services.intake.operation import Asked, Operation, Perform
from services.intake.refusal import Refusal, Refused
from services.intake.registry import Registry
from services.intake.transaction import Connection
from shared.events.catalog import CatalogKind

M = TypeVar("M", bound=BaseModel)


def _together(change_of: Callable[[M, str], Change]) -> Perform[M]:
    """All records of a batch as one set of statements. `change_of` takes a body and a trace, and raises Refused."""

    async def perform(
        tx: Connection, registry: Registry, site: str, asked: Sequence[Asked[M]]
    ) -> Sequence[Refusal | None]:
        refusals: list[Refusal | None] = []
        changes = []
        for one in asked:
            try:
                changes.append(change_of(one.body, one.traceparent))
            except Refused as refused:
                refusals.append(refused.refusal)
            else:
                refusals.append(None)
        if changes:
            await Catalog(registry.clock, registry.rng).change(tx, site, changes)
        return refusals

    return perform


def _operations(kind: CatalogKind, body: type[EntryBody]) -> Mapping[str, Operation[Any]]:
    return {
        f"put_{kind}": Operation(body, _together(put)),
        f"remove_{kind}": Operation(RemovedBody, _together(lambda named, trace: removal(kind, named, trace))),
    }


OPERATIONS: Mapping[str, Operation[Any]] = {
    name: operation for kind, body in BODIES.items() for name, operation in _operations(kind, body).items()
}
