"""Precision, recall and F1."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Score:
    """Of a yes-or-no prediction. Precision and recall are 1 where there was nothing to get wrong."""

    right: int
    wrong: int
    missed: int

    @classmethod
    def of(cls, predicted: Iterable[bool], labelled: Iterable[bool]) -> Score:
        pairs = list(zip(predicted, labelled, strict=True))
        return cls(
            sum(said and true for said, true in pairs),
            sum(said and not true for said, true in pairs),
            sum(true and not said for said, true in pairs),
        )

    @property
    def precision(self) -> float:
        return self.right / (self.right + self.wrong) if self.right + self.wrong else 1.0

    @property
    def recall(self) -> float:
        return self.right / (self.right + self.missed) if self.right + self.missed else 1.0

    @property
    def f1(self) -> float:
        return 2 * self.right / (2 * self.right + self.wrong + self.missed) if self.right else 0.0

    def __str__(self) -> str:
        return (
            f"P {self.precision:.3f}  R {self.recall:.3f}  F1 {self.f1:.3f}"
            f"  ({self.right} right, {self.wrong} wrong, {self.missed} missed)"
        )
