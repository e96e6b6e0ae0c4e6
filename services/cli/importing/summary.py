"""How an import went, in a few lines."""

from __future__ import annotations

from services.cli.importing.checkpoint import Totals
from services.cli.importing.report import Report

MOST_REASONS = 10


def summarise(totals: Totals, seconds: float, rows: int, report: Report) -> None:
    """`totals` are of the whole import, `seconds` and `rows` of this run."""
    rate = rows / seconds if seconds > 0 else 0.0
    print(
        f"accepted {totals.accepted:,}: {totals.created:,} created, {totals.edited:,} edited, "
        f"{totals.unchanged:,} unchanged\nrefused {totals.refused:,}, left out {totals.skipped:,}\n"
        f"{rows:,} rows in {seconds:.1f} s, {rate:,.0f} rows/s"
    )
    print_reasons(totals, report)


def print_reasons(totals: Totals, report: Report | None) -> None:
    for reason, number in sorted(totals.reasons.items(), key=lambda item: -item[1])[:MOST_REASONS]:
        print(f"  {number:,} × {reason}")
    if totals.refused and report is not None:
        print(f"which and why: {report.path}")
