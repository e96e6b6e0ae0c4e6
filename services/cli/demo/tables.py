"""The demo's tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from rich import box
from rich.cells import cell_len
from rich.table import Table
from rich.text import Text

from services.cli.demo.outcome import Outcome, Seen, Summary
from services.cli.demo.sample import Way
from services.cli.demo.sending import Mishap
from services.cli.demo.timing import percentile

STYLES = {"approved": "green", "held": "yellow", "rejected": "red"}
_OTHER_COLUMNS = {"★": 1, "by": 5, "outcome": 8, "rule": 18, "codes": 5, "seen, at characters": 22}
"""Cells of each, in a narrow terminal. What is left is for the text."""
_WIDE = 120
_LEAST_EXCERPT = 12
_BEFORE = 10
_OF_A_WHOLE_TEXT = frozenset({"shouting", "repetition", "gibberish", "vacuous", "language", "duplicate", "burst"})
"""Detectors that say more than the words which they saw."""
_BETWEEN = " · "


def outcome_table(outcomes: Sequence[Outcome], ways: Mapping[str, Way], width: int) -> Table:
    """Rejected ones first, then held, then approved; within each as they were sent."""
    gap = 1 if width < _WIDE else 2
    others = _OTHER_COLUMNS if width < _WIDE else {**_OTHER_COLUMNS, "seen, at characters": 30}
    room = max(_LEAST_EXCERPT, width - sum(others.values()) - gap * len(others))
    table = _table(gap)
    for name, cells in {"review": room, **others}.items():
        table.add_column(name, no_wrap=True, width=cells)
    order = {"rejected": 0, "held": 1, "approved": 2}
    shown = sorted(outcomes, key=lambda outcome: order.get(outcome.status, 3))
    for outcome, following in zip(shown, [*shown[1:], None], strict=True):
        style = STYLES.get(outcome.status, "")
        table.add_row(
            excerpt(outcome, room, f"bold {style}"),
            str(outcome.rating),
            ways[outcome.source_id].value if outcome.source_id and outcome.source_id in ways else "",
            Text(outcome.status, style=style),
            Text(outcome.rule, style="dim" if outcome.rule == "default" else ""),
            " ".join(outcome.codes),
            seen_text(outcome.seen, others["seen, at characters"]),
            end_section=following is not None and following.status != outcome.status,
        )
    return table


def excerpt(outcome: Outcome, width: int, style: str) -> Text:
    """At most `width` cells of title and text, from shortly before the first thing that was seen in it."""
    title, text = outcome.title or "", outcome.text or ""
    whole = _BETWEEN.join(part for part in (title, text) if part)
    if not whole:
        return Text("(a rating without words)", style="dim")
    begins = {"title": 0, "text": len(title) + len(_BETWEEN) if title else 0}
    spans = [
        (begins[seen.field] + seen.start, begins[seen.field] + seen.end)
        for seen in outcome.seen
        if seen.field in begins  # the author's name is not shown
    ]
    shown = Text("".join(" " if char.isspace() else char for char in whole))
    for start, end in spans:
        shown.stylize(style, start, end)
    first_end = min((end for _, end in spans if end <= len(whole)), default=0)
    if first_end > width - 1:
        start = max(0, min(*(start - _BEFORE for start, _ in spans), len(whole) - width + 1))
        if start:
            shown = Text("…") + shown[start:]
    shown.truncate(width, overflow="ellipsis")
    return shown


def seen_text(seen: Sequence[Seen], width: int) -> Text:
    """The first signal with its place, and how many more there are."""
    if not seen:
        return Text("")
    first = seen[0]
    where = {"text": "", "author_name": "name "}.get(first.field, f"{first.field} ")
    place = f" {where}{first.start}–{first.end}"
    more = f" +{len(seen) - 1}" if len(seen) > 1 else ""
    words = Text(first.detector if first.detector in _OF_A_WHOLE_TEXT else " ".join(first.matched.split()))
    words.truncate(max(4, width - cell_len(place) - cell_len(more)), overflow="ellipsis")
    return Text.assemble(words, (place + more, "dim"))


def mishap_table(mishaps: Iterable[Mishap]) -> Table:
    table = _table()
    table.add_column("by", no_wrap=True)
    table.add_column("what was sent", no_wrap=True)
    table.add_column("what intake made of it", overflow="fold")
    for mishap in mishaps:
        table.add_row(mishap.way.value, mishap.what, mishap.answer)
    return table


def summary_table(rows: Iterable[tuple[str, Summary]]) -> Table:
    """One row per product: how many reviews, their average, and one bar per number of stars."""
    table = _table()
    table.add_column("what is reviewed", no_wrap=True)
    table.add_column("reviews", justify="right")
    table.add_column("average", justify="right")
    for stars in range(1, 6):
        table.add_column(f"{stars} ★", justify="right")
    for name, summary in rows:
        average = summary.average
        table.add_row(
            name,
            str(summary.count),
            "–" if average is None else f"{average:.2f}",
            *(str(count) if count else Text("·", style="dim") for count in summary.distribution),
        )
    return table


def timing_table(waits: Mapping[Way, Sequence[float]]) -> Table:
    """Milliseconds. p99 of a few dozen values is the slowest of them."""
    table = _table()
    table.add_column("came by", no_wrap=True)
    for name in ("reviews", "p50", "p99", "slowest"):
        table.add_column(name, justify="right", no_wrap=True)
    everything = sorted(wait for of_way in waits.values() for wait in of_way)
    for name, values in [*((way.value, sorted(of_way)) for way, of_way in waits.items()), ("all", everything)]:
        if values:
            numbers = (percentile(values, 0.5), percentile(values, 0.99), values[-1])
            table.add_row(name, str(len(values)), *(f"{number * 1000:,.0f} ms" for number in numbers))
    return table


def _table(gap: int = 2) -> Table:
    """The box itself puts one blank between columns."""
    padding = (0, gap - 1, 0, 0)
    return Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=padding, header_style="bold", show_edge=False)
