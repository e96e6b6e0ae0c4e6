"""Cases and decisions in Postgres. Every function works in the caller's transaction."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

import asyncpg
import orjson

from services.moderation.case import Case, DecisionRow, Step
from services.moderation.contents import topic_of
from services.moderation.engine.signal import Signal
from shared.events.cloudevents import encode
from shared.kafka import outbox

SCHEMA = "moderation"
CASE_COLUMNS = Case._fields
DECISION_COLUMNS = DecisionRow._fields

MOST_MATCHED = 200
"""Characters of what a signal matched that are kept in a decision."""

_LISTS = ("codes", "revision_codes", "older_codes")
_SIGNALS = DECISION_COLUMNS.index("signals")

_LOCK = f"""
    select {", ".join(CASE_COLUMNS)} from moderation.cases
    where review_id = any($1::bigint[]) order by review_id for update"""
_LOCK_ONE = f"""
    select {", ".join(CASE_COLUMNS)} from moderation.cases where site = $1 and review_id = $2 for update"""
_UPDATE = f"""
    update moderation.cases set {", ".join(f"{name} = ${at}" for at, name in enumerate(CASE_COLUMNS[1:], 2))}
    where {CASE_COLUMNS[0]} = $1"""


async def lock(tx: asyncpg.Connection[Any], review_ids: Collection[int]) -> dict[int, Case]:
    """The cases that there are, locked in the order of their ids, so that two batches never wait for each other."""
    return {row["review_id"]: case_of(row) for row in await tx.fetch(_LOCK, list(review_ids))}


async def lock_one(tx: asyncpg.Connection[Any], site: str, review_id: int) -> Case | None:
    """None where the site has no such case, also when another site has."""
    row = await tx.fetchrow(_LOCK_ONE, site, review_id)
    return None if row is None else case_of(row)


async def save(tx: asyncpg.Connection[Any], known: Mapping[int, Case], steps: Sequence[Step]) -> None:
    """Writes steps in the order in which they were taken; `known` are the locked cases before the first of them.

    Raises UniqueViolationError where another transaction has opened a case that was not known.
    """
    if not steps:
        return
    last = {step.case.review_id: step.case for step in steps}
    opened = [last[review_id] for review_id in sorted(last) if review_id not in known]
    changed = [case for review_id, case in last.items() if review_id in known]
    if opened:
        await tx.copy_records_to_table("cases", schema_name=SCHEMA, columns=CASE_COLUMNS, records=opened)
    await update(tx, changed)
    await tx.copy_records_to_table(
        "decisions",
        schema_name=SCHEMA,
        columns=DECISION_COLUMNS,
        records=[_decision_values(step.decision) for step in steps],
    )
    events = [step.event for step in steps if step.event is not None]
    await outbox.append(tx, SCHEMA, [encode(topic_of(event), event) for event in events])


async def update(tx: asyncpg.Connection[Any], changed: Sequence[Case]) -> None:
    """Writes cases that are locked."""
    if changed:
        await tx.executemany(_UPDATE, changed)


def case_of(row: Mapping[str, Any]) -> Case:
    return Case(**{**row, **{name: tuple(row[name]) for name in _LISTS}})


def signals_json(signals: Sequence[Signal]) -> str:
    """As they stand in a decision's row. `matched` is cut after `MOST_MATCHED` characters, though `end` stays where it
    was: signals of a whole text (duplicates, bursts, language, shouting) would each keep another copy of it.
    """
    return orjson.dumps([_shortened(signal) for signal in signals]).decode() if signals else "[]"


def signals_of(text: str) -> list[dict[str, Any]]:
    """Signals as they stand in a decision's row, the matched words included, as far as they are kept."""
    found: list[dict[str, Any]] = orjson.loads(text)
    return found


def _shortened(signal: Signal) -> Signal:
    return signal if len(signal.matched) <= MOST_MATCHED else replace(signal, matched=signal.matched[:MOST_MATCHED])


def _decision_values(row: DecisionRow) -> tuple[object, ...]:
    return (*row[:_SIGNALS], signals_json(row.signals), *row[_SIGNALS + 1 :])
