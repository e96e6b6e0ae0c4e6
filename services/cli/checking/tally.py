"""What came of many texts, in a few lines."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from services.cli.checking.checker import Judgement


@dataclass
class Tally:
    decisions: Counter[str] = field(default_factory=Counter)
    detectors: Counter[str] = field(default_factory=Counter)
    """Texts in which each found something."""
    faults: int = 0

    @property
    def texts(self) -> int:
        return self.decisions.total()

    def add(self, judgements: Iterable[Judgement]) -> None:
        for judgement in judgements:
            self.decisions[judgement.verdict.status] += 1
            if judgement.facts.signals:
                self.detectors.update({str(signal.detector) for signal in judgement.facts.signals})

    def lines(self, seconds: float) -> list[str]:
        decisions = ", ".join(f"{self.decisions[status]:,} {status}" for status in ("approved", "held", "rejected"))
        rate = f" in {seconds:,.1f} s ({self.texts / seconds:,.0f}/s)" if seconds > 0 else ""
        lines = [f"{self.texts:,} text{'' if self.texts == 1 else 's'}{rate}: {decisions}"]
        if self.detectors:
            found = sorted(self.detectors.items(), key=lambda entry: (-entry[1], entry[0]))
            lines.append("found: " + ", ".join(f"{detector} in {count:,}" for detector, count in found))
        if self.faults:
            lines.append(f"{self.faults:,} line{'' if self.faults == 1 else 's'} could not be judged; see `error`")
        return lines
