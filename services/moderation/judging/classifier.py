"""What a plug-in classifier is, and what it is handed. This module is the whole of what a plug-in imports from Plaudit,
beside `services.moderation.engine.signal`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Literal, Protocol, runtime_checkable

from services.moderation.engine.signal import Signal

__all__ = [
    "ENTRY_POINTS",
    "Classified",
    "Classifier",
    "ClassifierFailure",
    "FailureReason",
    "HasHealth",
    "OnFailure",
    "Results",
    "Writing",
]

ENTRY_POINTS: Final = "plaudit.classifiers"
"""The entry point group that plug-ins are installed under."""

OnFailure = Literal["hold", "ignore"]
"""What becomes of a review that a classifier gave no answer about: it waits for a person, or the rest decides."""


@dataclass(frozen=True, slots=True)
class Writing:
    """What an author wrote, as a classifier gets it. `fields` has those that hold anything: "title", "text",
    "author_name", "pros", "cons" and the others that docs/policies.md names. `locale` is BCP 47 as the sender declared
    it; `rating` is from 1 to 5, and None for a comment.
    """

    site: str
    fields: Mapping[str, str]
    locale: str | None = None
    rating: int | None = None


Results = Sequence[Sequence[Signal]]
"""One sequence of signals for each writing of the batch, in the batch's order; empty where nothing was found."""


class Classifier(Protocol):
    """A model, or the client of one.

    An entry point of the group `plaudit.classifiers` names a callable without arguments, usually the class, which makes
    it: once per process, before any review is read, so that the place for loading a model is `__init__`.
    """

    @property
    def name(self) -> str:
        """The entry point's name, and the `detector` of all its signals: lower-case letters, digits and hyphens."""
        ...

    @property
    def batch_size(self) -> int:
        """The most writings that one call is handed."""
        ...

    @property
    def timeout_seconds(self) -> float:
        """Of one call. What answers later counts as failed."""
        ...

    @property
    def on_failure(self) -> OnFailure: ...

    def classify(self, batch: Sequence[Writing]) -> Results | Awaitable[Results]:
        """Pure: the same writing gives the same signals, whatever else is in the batch; a batch may come again.

        A plain method runs in a thread; an `async` one in the worker's event loop, which it must not block. One call at
        a time, except that a thread whose call took too long cannot be stopped: the next call begins beside it.

        Signals carry `name` as detector, and obey what `Signal` promises: spans in the text as it was handed over, and
        `matched` the text there. May raise whatever it likes.
        """
        ...


@runtime_checkable
class HasHealth(Protocol):
    """A classifier may have this as well."""

    def health(self) -> bool | Awaitable[bool | None] | None:
        """False, or any exception, while it cannot do its work well. Asked every few seconds, also while `classify`
        runs; for people to see, it changes nothing in what is called.
        """
        ...


class FailureReason(StrEnum):
    """Why a classifier said nothing about a review. The vocabulary of metrics, logs and decisions."""

    TIMED_OUT = "timed-out"
    RAISED = "raised"
    INVALID = "invalid"
    """What it returned is not what was agreed."""
    UNAVAILABLE = "unavailable"
    """It was not asked, for it failed several times in a row or all its threads are stuck."""


@dataclass(frozen=True, slots=True)
class ClassifierFailure:
    name: str
    behaviour: OnFailure
    reason: FailureReason


@dataclass(frozen=True, slots=True)
class Classified:
    """What all classifiers said about one writing, and which of them said nothing."""

    signals: tuple[Signal, ...] = ()
    failures: tuple[ClassifierFailure, ...] = ()

    @property
    def must_hold(self) -> bool:
        return any(failure.behaviour == "hold" for failure in self.failures)
