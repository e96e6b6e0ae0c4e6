"""The dry run: everything but the sending."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import orjson

from services.cli.importing.batch import Batch, RefusedRow, Sent, batches
from services.cli.importing.checkpoint import Totals
from services.cli.importing.plan import Plan
from services.cli.importing.report import Report
from services.cli.importing.run import count
from services.cli.importing.source import Source
from services.cli.importing.summary import print_reasons
from services.intake.submission import MAX_BODY_BYTES, Invalid, parse_submission
from shared.http.errors import ErrorCode

PREVIEW = 5
_BATCH = 500


def check(source: Source, plan: Plan, report: Report | None) -> Totals:
    """What intake would say of each row by itself; what it says of rows together only an import can tell."""
    ready = batches(source.rows(), plan.mapper, _BATCH, keep_values=report is not None)
    totals = tally(_judged(ready), report)
    print(f"dry run: {totals.created:,} can be sent, {totals.refused:,} are refused, {totals.skipped:,} are left out")
    print_reasons(totals, report)
    return totals


def tally(judged: Iterable[tuple[Batch, list[RefusedRow]]], report: Report | None) -> Totals:
    """Counts batches, each with what is refused of the rows that would be sent, and lists these in the report."""
    totals = Totals()
    if report is not None:
        report.begin()
    for batch, refusals in judged:
        refused = sorted([*batch.unsent, *refusals], key=lambda row: row.number)
        good = batch.rows - len(refused) - batch.skipped
        count(totals, ["created"] * good, refused, batch.skipped)
        if report is not None:
            report.write(refused)
    if report is not None:
        report.close()
    return totals


def show(sent: Sent, body: bytes) -> None:
    print(f"row {sent.number}: {orjson.dumps(orjson.loads(body), option=orjson.OPT_INDENT_2).decode()}")


def _judged(ready: Iterable[Batch]) -> Iterator[tuple[Batch, list[RefusedRow]]]:
    """Shows the first rows, too."""
    shown = 0
    for batch in ready:
        for sent, body in zip(batch.sent[: PREVIEW - shown], batch.bodies, strict=False):
            shown += 1
            show(sent, body)
        judged = (_judge(sent, body) for sent, body in zip(batch.sent, batch.bodies, strict=True))
        yield batch, [refused for refused in judged if refused is not None]


def _judge(sent: Sent, body: bytes) -> RefusedRow | None:
    if len(body) > MAX_BODY_BYTES:
        message = f"the row makes more than {MAX_BODY_BYTES} bytes; shorten it"
        return sent.refused(ErrorCode.PAYLOAD_TOO_LARGE.value, None, message)
    try:
        parse_submission(body)
    except Invalid as invalid:
        fault = invalid.refusal
        return sent.refused(fault.code.value, fault.field, fault.message)
    return None
