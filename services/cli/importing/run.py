"""Several batches on their way at a time; what is remembered is the longest run of rows that all have an answer."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from services.cli.importing.batch import Batch, RefusedRow
from services.cli.importing.checkpoint import Checkpoint, Progress, Totals
from services.cli.importing.client import Outcome
from services.cli.importing.errors import ImportProblem, Interrupted
from services.cli.importing.report import Report
from shared.clock import Clock

SAVE_SECONDS = 0.5
AHEAD = 4
"""How many batches for each one in flight may wait, answered, for one before them."""


class Sender(Protocol):
    async def send(self, bodies: Sequence[bytes]) -> list[Outcome]: ...


@dataclass
class _Sending:
    batch: Batch
    task: asyncio.Task[list[Outcome]]


class Run:
    """Sends batches and keeps `progress`, the report and the checkpoint in step."""

    def __init__(
        self,
        sender: Sender,
        progress: Progress,
        checkpoint: Checkpoint,
        report: Report,
        clock: Clock,
        stop: asyncio.Event,
        in_flight: int,
    ) -> None:
        self.progress = progress
        self._sender = sender
        self._checkpoint = checkpoint
        self._report = report
        self._clock = clock
        self._stop = stop
        self._in_flight = in_flight
        self._sending: deque[_Sending] = deque()
        self._saved_at = clock.monotonic()

    async def run(self, batches: Iterable[Batch]) -> None:
        """Returns when every row has its answer; the checkpoint is gone then, and stays otherwise.

        Raises ImportProblem, or Interrupted when `stop` was set; what was on its way is waited for first.
        """
        try:
            try:
                for batch in batches:
                    while not self._has_room(batch):
                        await self._settle()
                    if not batch.rows:
                        await asyncio.sleep(0)
                    if self._stop.is_set():
                        raise Interrupted
                    if batch.rows:
                        task = asyncio.create_task(self._sender.send(batch.bodies))
                        self._sending.append(_Sending(batch, task))
                while self._sending:
                    await self._settle()
            except (ImportProblem, Interrupted):
                self._stop.set()
                await self._drain()
                raise
        except BaseException:
            for sending in self._sending:
                sending.task.cancel()
            await asyncio.gather(*(sending.task for sending in self._sending), return_exceptions=True)
            self._save()
            raise
        self._report.sync()
        self._checkpoint.remove()

    def _has_room(self, batch: Batch) -> bool:
        """Batches about the same review go one after the other: the file's order decides which of two wins."""
        active = [sending for sending in self._sending if not sending.task.done()]
        return (
            len(active) < self._in_flight
            and len(self._sending) < AHEAD * self._in_flight
            and all(batch.touches.isdisjoint(sending.batch.touches) for sending in active)
        )

    async def _settle(self) -> None:
        """Waits until one more batch has its answers. Raises what the first of them raised."""
        if not self._sending[0].task.done():
            active = [sending.task for sending in self._sending if not sending.task.done()]
            await asyncio.wait(active, return_when=asyncio.FIRST_COMPLETED)
        self._commit_answered()

    async def _drain(self) -> None:
        if self._sending:
            await asyncio.wait([sending.task for sending in self._sending])
        try:
            self._commit_answered()
        except (ImportProblem, Interrupted):
            return  # the reason for the end is known already

    def _commit_answered(self) -> None:
        while self._sending and self._sending[0].task.done():
            outcomes = self._sending[0].task.result()
            self._commit(self._sending.popleft().batch, outcomes)
        if self._clock.monotonic() - self._saved_at >= SAVE_SECONDS:
            self._save()

    def _commit(self, batch: Batch, outcomes: Sequence[Outcome]) -> None:
        refused = list(batch.unsent)
        for sent, outcome in zip(batch.sent, outcomes, strict=True):
            if outcome.outcome == "refused":
                refused.append(sent.refused(outcome.code, outcome.field, outcome.message))
            elif outcome.review_id is not None:
                self.progress.last_review_id = outcome.review_id
        refused.sort(key=lambda row: row.number)
        self._report.write(refused)
        self.progress.rows = batch.last
        self.progress.report_bytes = self._report.size
        count(self.progress.totals, [outcome.outcome for outcome in outcomes], refused, batch.skipped)

    def _save(self) -> None:
        self._report.sync()
        self._checkpoint.save(self.progress)
        self._saved_at = self._clock.monotonic()


def count(totals: Totals, outcomes: Sequence[str], refused: Sequence[RefusedRow], skipped: int) -> None:
    """Adds a batch."""
    totals.created += outcomes.count("created")
    totals.edited += outcomes.count("edited") + outcomes.count("updated")
    totals.removed += outcomes.count("removed")
    totals.unchanged += outcomes.count("unchanged")
    totals.refused += len(refused)
    totals.skipped += skipped
    for row in refused:
        reason = f"{row.code} {row.field}" if row.field else row.code
        totals.reasons[reason] = totals.reasons.get(reason, 0) + 1
