"""Finding and making the plug-in classifiers that are enabled, by entry point."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Final, cast, get_args

from services.moderation.engine.signal import Detector
from services.moderation.judging.classifier import ENTRY_POINTS, Classifier, OnFailure
from shared.service import StartError

_NAME: Final = re.compile(r"[a-z][a-z0-9-]{0,63}")
LONGEST_TIMEOUT_SECONDS: Final = 60.0
"""A worker that waits longer for a batch is taken for dead by Kafka before long."""


class PluginError(StartError):
    """A classifier that is enabled is not there, or is not what was agreed."""


def load_classifiers(names: Sequence[str]) -> list[Classifier]:
    """In the order of `names`. Raises PluginError, which says what to do."""
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise PluginError(f"the classifier {twice[0]} is enabled twice")
    if not names:
        return []
    installed = entry_points(group=ENTRY_POINTS)
    return [_make(name, [point for point in installed if point.name == name], installed.names) for name in names]


def _make(name: str, points: Sequence[EntryPoint], installed: set[str]) -> Classifier:
    if not points:
        there = f"installed are: {', '.join(sorted(installed))}" if installed else "none is installed"
        raise PluginError(f"no classifier is called {name!r}; {there}. Is its package in this Python's environment?")
    if len({point.value for point in points}) > 1:
        packages = sorted({point.dist.name if point.dist else "?" for point in points})
        raise PluginError(f"several packages have a classifier called {name!r}: {', '.join(packages)}")
    try:
        make = cast(Callable[[], Any], points[0].load())
        classifier = make()
    except Exception as error:
        raise PluginError(f"the classifier {name} cannot be loaded: {type(error).__name__}: {error}") from error
    _check(name, classifier)
    return cast(Classifier, classifier)


def _check(name: str, classifier: Any) -> None:
    """Better a start that fails than a worker that holds every review."""
    if _NAME.fullmatch(name) is None:
        raise PluginError(f"the classifier {name!r}: a name has lower-case letters, digits and hyphens, 64 at the most")
    if name in set(Detector):
        raise PluginError(f"the classifier {name!r}: that is the name of a built-in detector")
    wrong = [what for what, is_right in _CONTRACT.items() if not is_right(classifier)]
    if getattr(classifier, "name", None) != name:
        wrong.append(f"`name` must be {name!r}, as its entry point")
    if wrong:
        raise PluginError(f"the classifier {name} is not what was agreed: {'; '.join(wrong)}")


def _is_size(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def _is_timeout(value: object) -> bool:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return is_number and math.isfinite(cast(float, value)) and 0 < cast(float, value) <= LONGEST_TIMEOUT_SECONDS


_CONTRACT: Final[dict[str, Callable[[Any], bool]]] = {
    "`classify` must be a method": lambda made: callable(getattr(made, "classify", None)),
    "`batch_size` must be a whole number from 1": lambda made: _is_size(getattr(made, "batch_size", None)),
    f"`timeout_seconds` must be above 0 and at most {LONGEST_TIMEOUT_SECONDS:g}": (
        lambda made: _is_timeout(getattr(made, "timeout_seconds", None))
    ),
    f"`on_failure` must be {' or '.join(map(repr, get_args(OnFailure)))}": (
        lambda made: getattr(made, "on_failure", None) in get_args(OnFailure)
    ),
}
