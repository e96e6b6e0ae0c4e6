"""One plug-in classifier behind everything that keeps its faults to itself: time-out, circuit, checks."""

from __future__ import annotations

import asyncio
import inspect
import random
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any, Final

from services.moderation.engine.signal import Signal
from services.moderation.judging.circuit import Circuit
from services.moderation.judging.classifier import Classifier, ClassifierFailure, FailureReason, HasHealth, Writing
from services.moderation.judging.detached import Raised, Returned, call_detached
from services.moderation.judging.findings import InvalidFinding, check_finding, check_results
from shared import metrics
from shared.backoff import Backoff
from shared.clock import Clock
from shared.logging import get_logger

log = get_logger(__name__)

MOST_STUCK: Final = 4
"""Calls of one plug-in that may be unfinished, those given up included. No further is begun until one returns."""
MOST_RETRIES_IN_VAIN: Final = 3
FIRST_WAIT: Final = 1.0
LONGEST_WAIT: Final = 60.0
HEALTH_SECONDS: Final = 5.0

Result = tuple[Signal, ...] | FailureReason
Outcome = Returned[Any] | Raised


class Guard:
    """Never raises, whatever the classifier does, and waits `timeout_seconds` for a call at the most.

    Belongs to one event loop. Whoever comes while it is at work waits.
    """

    def __init__(self, classifier: Classifier, clock: Clock) -> None:
        # Looked up once, for attributes may be properties that raise.
        self.name = classifier.name
        self._ask = classifier.classify
        self._health = classifier.health if isinstance(classifier, HasHealth) else None
        self._batch_size = classifier.batch_size
        self._timeout_seconds = classifier.timeout_seconds
        self._on_failure = classifier.on_failure
        self._clock = clock
        jitter = random.Random()  # noqa: S311 - spreads waits, keeps no secret
        self._circuit = Circuit(clock.monotonic, Backoff(jitter, FIRST_WAIT, LONGEST_WAIT))
        self._turn = asyncio.Lock()
        self._unfinished: set[asyncio.Future[Outcome]] = set()
        self._is_healthy = True
        self._show()

    @property
    def trouble(self) -> str | None:
        """What is wrong with it, for people; None while it does its work."""
        if self._circuit.is_open:
            return "fails; it is tried again now and then"
        return None if self._is_healthy else "says that it is not well"

    async def classify(self, writings: Sequence[Writing]) -> list[tuple[Signal, ...] | ClassifierFailure]:
        """In the order of `writings`."""
        results: list[Result] = []
        async with self._turn:
            for begin in range(0, len(writings), self._batch_size):
                results += await self._batch(writings[begin : begin + self._batch_size])
        return [self._failure(result) if isinstance(result, FailureReason) else result for result in results]

    async def check_health(self) -> None:
        """Asks the classifier, if it can be asked."""
        if self._health is not None and len(self._unfinished) < MOST_STUCK:
            outcome = await self._call(self._health, HEALTH_SECONDS)
            self._is_healthy = isinstance(outcome, Returned) and outcome.value in (None, True)

    def _failure(self, reason: FailureReason) -> ClassifierFailure:
        metrics.CLASSIFIER_FAILURES.labels(self.name, reason.value).inc()
        return ClassifierFailure(self.name, self._on_failure, reason)

    async def _batch(self, batch: Sequence[Writing]) -> list[Result]:
        if not self._circuit.allows or len(self._unfinished) >= MOST_STUCK:
            return [FailureReason.UNAVAILABLE] * len(batch)
        results = await self._attempt(batch)
        if len(batch) > 1 and results[0] is FailureReason.RAISED:
            results = await self._one_by_one(batch)
        if all(isinstance(result, FailureReason) for result in results):
            self._circuit.failed()
        else:
            self._circuit.succeeded()
        self._show()
        return results

    async def _one_by_one(self, batch: Sequence[Writing]) -> list[Result]:
        """A text that the classifier cannot take costs no other its answer."""
        results: list[Result] = []
        in_vain = 0
        for writing in batch:
            results += await self._attempt([writing]) if in_vain < MOST_RETRIES_IN_VAIN else [FailureReason.RAISED]
            in_vain = in_vain + 1 if isinstance(results[-1], FailureReason) else 0
        return results

    async def _attempt(self, batch: Sequence[Writing]) -> list[Result]:
        started = self._clock.monotonic()
        outcome = await self._call(partial(self._ask, batch), self._timeout_seconds)
        metrics.CLASSIFIER_SECONDS.labels(self.name).observe(self._clock.monotonic() - started)
        match outcome:
            case None:
                log.warning("classifier timed out", classifier=self.name, seconds=self._timeout_seconds)
                return [FailureReason.TIMED_OUT] * len(batch)
            case Raised(error):
                log.warning("classifier raised", classifier=self.name, exc_info=error)
                return [FailureReason.RAISED] * len(batch)
            case Returned(results):
                return self._check(batch, results)

    def _check(self, batch: Sequence[Writing], results: object) -> list[Result]:
        try:
            founds = check_results(results, batch)
            return [self._check_one(writing, found) for writing, found in zip(batch, founds, strict=True)]
        except InvalidFinding as invalid:
            self._say_invalid(invalid)
        except Exception as error:  # a sequence of its own making may raise anything as well
            log.warning("classifier raised", classifier=self.name, exc_info=error)
        return [FailureReason.INVALID] * len(batch)

    def _check_one(self, writing: Writing, found: object) -> Result:
        try:
            return check_finding(self.name, writing, found)
        except InvalidFinding as invalid:
            self._say_invalid(invalid)
            return FailureReason.INVALID

    def _say_invalid(self, invalid: InvalidFinding) -> None:
        log.warning("classifier broke what was agreed", classifier=self.name, because=str(invalid))

    async def _call(self, method: Callable[[], Any], seconds: float) -> Outcome | None:
        """None when it took longer. An `async` method runs here, any other in a thread."""
        begun = self._clock.monotonic()
        if not inspect.iscoroutinefunction(method):
            outcome = await self._finish(call_detached(f"classifier-{self.name}", method), seconds)
            if not isinstance(outcome, Returned) or not inspect.isawaitable(outcome.value):
                return outcome
            awaitable = outcome.value
        else:
            awaitable = method()
        left = seconds - (self._clock.monotonic() - begun)
        outcome = await self._finish(_outcome(awaitable), max(left, 0.0))
        # One that blocks the event loop is done before anybody could see that its time was up.
        return None if self._clock.monotonic() - begun > seconds else outcome

    async def _finish(self, call: Awaitable[Outcome], seconds: float) -> Outcome | None:
        future = asyncio.ensure_future(call)
        self._unfinished.add(future)
        future.add_done_callback(self._unfinished.discard)
        try:
            await asyncio.wait({future}, timeout=seconds)
        except asyncio.CancelledError:
            future.cancel()
            raise
        if not future.done():
            if isinstance(future, asyncio.Task):
                future.cancel()  # it may not listen
            return None
        return Raised(asyncio.CancelledError()) if future.cancelled() else future.result()

    def _show(self) -> None:
        metrics.CLASSIFIER_AVAILABLE.labels(self.name).set(0 if self._circuit.is_open else 1)


async def _outcome(awaitable: Awaitable[Any]) -> Outcome:
    try:
        return Returned(await awaitable)
    except asyncio.CancelledError:
        raise
    except BaseException as error:  # SystemExit in a task would end the whole loop
        return Raised(error)
