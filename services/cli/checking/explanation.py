"""A judgement for people, in colours where there are any."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Final

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from services.cli.checking.checker import Judgement
from services.cli.checking.marking import Line, mark_lines
from services.cli.checking.trace import Considered
from services.moderation.engine.passage import Passage
from services.moderation.engine.signal import Severity, Signal
from services.moderation.policy.check import DEFAULT
from services.moderation.policy.codes import ModeratorCode

_COLOURS: Final = {"approved": "green", "held": "yellow", "rejected": "red"}
_SEVERITIES: Final = {Severity.MILD: "yellow", Severity.STRONG: "red", Severity.SEVERE: "bold red"}
_INDENT: Final = "  "
_LONGEST_MATCH: Final = 40


class Explanation:
    def __init__(self, console: Console) -> None:
        self._console = console

    def show(self, judgement: Judgement, considered: Sequence[Considered]) -> None:
        self._verdict(judgement)
        for field in ("title", "text", "pros", "cons"):
            written = getattr(judgement.facts, field)
            if written:
                self._field(field, written, [signal for signal in judgement.signals if signal.field == field])
        self._signals(judgement.signals)
        self._rules(judgement, considered)

    def _print(self, *parts: str | tuple[str, str]) -> None:
        # What is too long for the terminal has been broken already, or is better whole.
        self._console.print(Text.assemble(*parts), soft_wrap=True)

    def _verdict(self, judgement: Judgement) -> None:
        verdict = judgement.verdict
        by = "no rule" if verdict.rule == DEFAULT else f"rule {verdict.rule}"
        self._print(
            (verdict.status, f"bold {_COLOURS[verdict.status]}"),
            f" by {by} of the policy {verdict.policy}",
            (f", version {verdict.policy_version}" if verdict.policy_version else ""),
        )
        self._print(_INDENT, verdict.note)
        if verdict.queue:
            self._print(_INDENT, f"waits in the queue {verdict.queue}")
        for code in verdict.codes:
            self._print(_INDENT, f"{code}: {ModeratorCode[code].label}")

    def _field(self, field: str, written: str, signals: Sequence[Signal]) -> None:
        self._print("")
        self._print((field, "bold"))
        spans = [(signal.start, signal.end) for signal in signals]
        for line in mark_lines(written, spans, self._console.width - len(_INDENT)):
            self._print(_INDENT, *_highlighted(line))
            if marks := line.marks:
                self._print(_INDENT, (marks, "bold red"))
        if not written.isascii():
            letters = Passage(field, written).letters.decode("utf-8", "replace")
            read = f"read as: {' '.join(letters.split())}"
            for line in mark_lines(read, (), self._console.width - len(_INDENT)):
                self._print(_INDENT, (line.text, "dim"))

    def _signals(self, signals: Sequence[Signal]) -> None:
        self._print("")
        self._print(("found" if signals else "nothing was found", "bold"))
        rows = [_row(signal) for signal in signals]
        widths = [max((cell_len(row[at]) for row in rows), default=0) for at in range(4)]
        for signal, row in zip(signals, rows, strict=True):
            style = _SEVERITIES.get(signal.severity, "") if signal.severity else ""
            cells = [cell + " " * (width - cell_len(cell) + 2) for cell, width in zip(row, widths, strict=False)]
            self._print(_INDENT, *((cell, style if at == 1 else "") for at, cell in enumerate(cells)), (row[4], "dim"))

    def _rules(self, judgement: Judgement, considered: Sequence[Considered]) -> None:
        self._print("")
        self._print(("rules", "bold"), ", in their order")
        width = max((len(one.rule.name) for one in considered), default=0)
        for one in considered:
            name = one.rule.name.ljust(width)
            if not one.reached:
                also = "not reached; its condition is true as well" if one.result is True else "not reached"
                self._print((f"{_INDENT}  {name}  {also}", "dim"))
            elif one.result is True:
                decided = _COLOURS[one.rule.outcome.status]
                self._print(_INDENT, (f"✓ {name}  true: {one.rule.outcome.status}", f"bold {decided}"))
                self._print((f"{_INDENT}  {' ' * width}  {' '.join(one.rule.condition.source.split())}", "dim"))
            else:
                said = "not true" if one.result is False else f"fails: {one.result}"
                parts = one.untrue or (" ".join(one.rule.condition.source.split()),)
                self._print(_INDENT, f"✗ {name}  {said}: ", (" · ".join(parts), "dim"))
        if judgement.verdict.rule == DEFAULT:
            self._print(_INDENT, (f"✓ {DEFAULT.ljust(width)}  {judgement.verdict.status}", "bold green"))


def _highlighted(line: Line) -> list[tuple[str, str]]:
    runs = groupby(line.pieces, lambda piece: piece.is_marked)
    return [("".join(piece.shown for piece in run), "bold red" if is_marked else "") for is_marked, run in runs]


def _row(signal: Signal) -> tuple[str, str, str, str, str]:
    what = f"{signal.category} {signal.severity}" if signal.severity else str(signal.category)
    (line,) = mark_lines(signal.matched.replace("\n", " "), (), 10**9)
    matched = line.text if len(line.text) <= _LONGEST_MATCH else f"{line.text[: _LONGEST_MATCH - 1]}…"
    read = f"read as {signal.detail}" if signal.detail and signal.detail != signal.matched else ""
    sure = f"confidence {signal.confidence:.2f}" if signal.confidence < 1 else ""
    return (
        str(signal.detector),
        what,
        f"{signal.field} {signal.start}-{signal.end}",
        matched,
        ", ".join(part for part in (read, sure) if part),
    )
