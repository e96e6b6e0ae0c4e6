"""Plug-in classifiers: whatever one does, the others and the worker go on."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.moderation.engine.signal import Category, Severity, Signal
from services.moderation.judging.circuit import MOST_IN_A_ROW
from services.moderation.judging.classifier import Classified, ClassifierFailure, FailureReason, OnFailure, Writing
from services.moderation.judging.classifiers import Classifiers
from services.moderation.judging.findings import MOST_SIGNALS
from services.moderation.judging.guard import LONGEST_WAIT, MOST_RETRIES_IN_VAIN, MOST_STUCK, Guard
from shared.clock import SystemClock


@dataclass
class Word:
    """Finds one word; `hook` may do anything first."""

    name: str = "word"
    batch_size: int = 8
    timeout_seconds: float = 5.0
    on_failure: OnFailure = "hold"
    word: str = "meh"
    hook: Callable[[Sequence[Writing]], Any] = lambda batch: None
    batches: list[list[str]] = field(default_factory=list)
    threads: set[int] = field(default_factory=set)

    def classify(self, batch: Sequence[Writing]) -> list[list[Signal]]:
        self.batches.append([writing.fields["text"] for writing in batch])
        self.threads.add(threading.get_ident())
        self.hook(batch)
        return [self.find(writing) for writing in batch]

    def find(self, writing: Writing) -> list[Signal]:
        return [
            Signal(self.name, Category.OTHER, None, name, start, start + len(self.word), self.word, 0.5)
            for name, text in writing.fields.items()
            if (start := text.find(self.word)) >= 0
        ]


class AsyncWord(Word):
    def classify(self, batch: Sequence[Writing]) -> Any:
        return self._classify(batch)

    async def _classify(self, batch: Sequence[Writing]) -> list[list[Signal]]:
        self.batches.append([writing.fields["text"] for writing in batch])
        waited = self.hook(batch)
        if waited is not None:
            await waited
        return [self.find(writing) for writing in batch]


class ReallyAsyncWord(AsyncWord):
    async def classify(self, batch: Sequence[Writing]) -> list[list[Signal]]:  # type: ignore[override]  # async
        return await self._classify(batch)


KINDS = [Word, AsyncWord, ReallyAsyncWord]


class HandClock(SystemClock):
    """Real, but for how much later it is made."""

    later = 0.0

    def monotonic(self) -> float:
        return super().monotonic() + self.later


def writings(*texts: str) -> list[Writing]:
    return [Writing("shop", {"text": text}) for text in texts]


def found(text: str, detector: str = "word", word: str = "meh") -> Classified:
    start = text.index(word)
    return Classified((Signal(detector, Category.OTHER, None, "text", start, start + len(word), word, 0.5),))


def failed(reason: FailureReason, name: str = "word", behaviour: OnFailure = "hold") -> Classified:
    return Classified((), (ClassifierFailure(name, behaviour, reason),))


@pytest.fixture
def release() -> Iterator[threading.Event]:
    """What stuck threads wait for, so that none outlives its test."""
    event = threading.Event()
    yield event
    event.set()


def raising(error: BaseException) -> Callable[[Sequence[Writing]], Any]:
    def hook(batch: Sequence[Writing]) -> None:
        raise error

    return hook


@pytest.mark.parametrize("kind", KINDS)
async def test_answers_are_in_order_and_batches_within_their_size(kind: type[Word]) -> None:
    word = kind(batch_size=3)
    texts = [f"{'x' * number} meh" if number % 2 else "fine" for number in range(8)]

    answers = await Classifiers([word]).classify(writings(*texts))

    assert answers == [found(text) if "meh" in text else Classified() for text in texts]
    assert [len(batch) for batch in word.batches] == [3, 3, 2]


async def test_several_classifiers_speak_for_themselves() -> None:
    other = AsyncWord("other", word="so")

    (answer,) = await Classifiers([Word(), other]).classify(writings("meh, so so"))

    assert [(signal.detector, signal.start) for signal in answer.signals] == [("word", 0), ("other", 5)]


async def test_what_holds_no_text_is_not_asked_about() -> None:
    word = Word()
    batch = [Writing("shop", {}), Writing("shop", {"text": "meh", "title": ""}), Writing("shop", {"text": ""})]

    answers = await Classifiers([word]).classify(batch)

    assert answers == [Classified(), found("meh"), Classified()]
    assert word.batches == [["meh"]]


async def test_none_enabled_costs_nothing() -> None:
    assert await Classifiers().classify(writings("a", "b")) == [Classified(), Classified()]
    assert await Classifiers([Word()]).classify([]) == []


async def test_a_plain_method_runs_in_no_thread_that_matters() -> None:
    word = Word()

    await Classifiers([word]).classify(writings("meh"))

    assert word.threads
    assert threading.get_ident() not in word.threads


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("error", [ValueError("quotes the text"), SystemExit(3), KeyboardInterrupt(), StopIteration()])
async def test_what_is_raised_stays_with_the_classifier(kind: type[Word], error: BaseException) -> None:
    other = Word("other", word="so")
    both = Classifiers([kind(hook=raising(error), on_failure="ignore"), other])

    (answer,) = await both.classify(writings("so"))

    assert answer.failures == (ClassifierFailure("word", "ignore", FailureReason.RAISED),)
    assert not answer.must_hold
    assert [signal.detector for signal in answer.signals] == ["other"]


async def test_a_classifier_that_cancels_itself_has_failed() -> None:
    (answer,) = await Classifiers([ReallyAsyncWord(hook=raising(asyncio.CancelledError()))]).classify(writings("meh"))

    assert answer == failed(FailureReason.RAISED)


async def test_messages_of_errors_are_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    from shared.logging import _where_it_failed

    await Classifiers([Word(hook=raising(ValueError("jane@example.com")))]).classify(writings("jane@example.com"))

    record = next(record for record in caplog.records if "classifier raised" in record.getMessage())
    assert record.name == "services.moderation.judging.guard"
    # The test's own logging shows tracebacks; a service's goes through this.
    assert "jane" not in str(_where_it_failed(None, "", {"exc_info": ValueError("jane@example.com")}))


async def test_a_text_that_the_classifier_cannot_take_costs_no_other_its_answer() -> None:
    def hook(batch: Sequence[Writing]) -> None:
        if any("poison" in writing.fields["text"] for writing in batch):
            raise RuntimeError

    texts = ["meh 1", "meh 2", "poison", "meh 3"]

    answers = await Classifiers([Word(hook=hook)]).classify(writings(*texts))

    assert answers == [found(text) if "meh" in text else failed(FailureReason.RAISED) for text in texts]


async def test_a_broken_classifier_is_not_asked_about_every_text() -> None:
    word = Word(hook=raising(RuntimeError()), batch_size=50)

    answers = await Classifiers([word]).classify(writings(*map(str, range(50))))

    assert answers == [failed(FailureReason.RAISED)] * 50
    assert len(word.batches) == 1 + MOST_RETRIES_IN_VAIN


async def test_a_stuck_thread_blocks_nobody(release: threading.Event) -> None:
    stuck = Word(hook=lambda batch: release.wait(), timeout_seconds=0.05)
    quick = Word("quick", word="so")
    both = Classifiers([stuck, quick])

    started = time.monotonic()
    (answer,) = await both.classify(writings("so"))

    assert time.monotonic() - started < 2
    assert answer.failures == (ClassifierFailure("word", "hold", FailureReason.TIMED_OUT),)
    assert answer.must_hold
    assert [signal.detector for signal in answer.signals] == ["quick"]


async def test_an_answer_that_comes_too_late_is_nobodys(release: threading.Event) -> None:
    calls: list[int] = []

    def hook(batch: Sequence[Writing]) -> None:
        calls.append(len(calls))
        if len(calls) == 1:
            release.wait()

    one = Classifiers([Word(hook=hook, timeout_seconds=0.1)])
    (first,) = await one.classify(writings("meh first"))
    release.set()
    await asyncio.sleep(0.05)
    (second,) = await one.classify(writings("the second, meh"))

    assert first == failed(FailureReason.TIMED_OUT)
    assert second == found("the second, meh")


async def test_stuck_threads_are_counted(release: threading.Event) -> None:
    clock = HandClock()
    word = Word(hook=lambda batch: release.wait(), timeout_seconds=0.02)
    guard = Guard(word, clock)
    for _ in range(3 * MOST_STUCK):
        await guard.classify(writings("meh"))
        clock.later += 2 * LONGEST_WAIT

    assert len(word.batches) == MOST_STUCK

    release.set()
    await asyncio.sleep(0.05)
    assert await guard.classify(writings("meh")) == [found("meh").signals]


@pytest.mark.parametrize("kind", [AsyncWord, ReallyAsyncWord])
async def test_an_async_one_is_cancelled_when_its_time_is_up(kind: type[Word]) -> None:
    cancelled: list[bool] = []

    async def hang() -> None:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            cancelled.append(True)
            raise

    word = kind(hook=lambda batch: hang(), timeout_seconds=0.05)

    assert await Classifiers([word]).classify(writings("meh")) == [failed(FailureReason.TIMED_OUT)]
    await asyncio.sleep(0)
    assert cancelled


async def test_a_busy_event_loop_makes_no_thread_late() -> None:
    word = Word(timeout_seconds=0.05)
    asking = asyncio.ensure_future(Classifiers([word]).classify(writings("meh")))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    time.sleep(0.2)  # noqa: ASYNC251 - the engine may well be busy with long texts

    assert await asking == [found("meh")]


async def test_a_system_without_threads_fails_the_answer_only(monkeypatch: pytest.MonkeyPatch) -> None:
    def start(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", start)

    assert await Classifiers([Word()]).classify(writings("meh")) == [failed(FailureReason.RAISED)]


async def test_one_that_blocks_the_loop_is_late_although_it_answers() -> None:
    word = ReallyAsyncWord(hook=lambda batch: time.sleep(0.05), timeout_seconds=0.01)

    assert await Classifiers([word]).classify(writings("meh")) == [failed(FailureReason.TIMED_OUT)]


async def test_whoever_is_cancelled_cancels_the_call() -> None:
    cancelled = asyncio.Event()

    async def hang() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            cancelled.set()

    word = ReallyAsyncWord(hook=lambda batch: hang())
    asking = asyncio.ensure_future(Classifiers([word]).classify(writings("meh")))
    await asyncio.sleep(0.02)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    await asyncio.wait_for(cancelled.wait(), 1)


async def test_the_circuit_opens_waits_longer_each_time_and_closes_again() -> None:
    clock = HandClock()
    is_broken = True

    def hook(batch: Sequence[Writing]) -> None:
        if is_broken:
            raise RuntimeError

    word = Word(hook=hook)
    guard = Guard(word, clock)
    troubles = []

    async def ask() -> object:
        (answer,) = await guard.classify(writings("meh"))
        return answer.reason if isinstance(answer, ClassifierFailure) else answer

    troubles.append(guard.trouble)
    assert [await ask() for _ in range(MOST_IN_A_ROW)] == [FailureReason.RAISED] * MOST_IN_A_ROW
    troubles.append(guard.trouble)
    assert await ask() is FailureReason.UNAVAILABLE
    assert len(word.batches) == MOST_IN_A_ROW

    waits = []
    for _ in range(8):
        begun = clock.later
        while await ask() is FailureReason.UNAVAILABLE:
            clock.later += 0.25
        waits.append(clock.later - begun)
        assert await ask() is FailureReason.UNAVAILABLE, "one trial at a time"
    assert waits[0] <= 1.25
    assert waits[3] > 2 * waits[0]
    assert max(waits) <= LONGEST_WAIT + 0.25
    assert waits[-1] >= LONGEST_WAIT / 2 - 0.25

    is_broken = False
    clock.later += LONGEST_WAIT
    assert await ask() == found("meh").signals
    troubles.append(guard.trouble)
    assert [trouble is None for trouble in troubles] == [True, False, True]


GOOD = Signal("word", Category.PROFANITY, Severity.MILD, "text", 0, 3, "meh", 0.5, "meh")


def changed(**wrong: Any) -> Signal:
    return replace(GOOD, **wrong)


@pytest.mark.parametrize(
    "bad",
    [
        changed(detector="lexicon"),
        changed(detector="other"),
        changed(field="title"),
        changed(start=-1),
        changed(start=3),
        changed(end=9),
        changed(start=0.0),
        changed(matched="Meh"),
        changed(category="rude"),
        changed(severity="bad"),
        changed(confidence=1.5),
        changed(confidence=float("nan")),
        changed(confidence="high"),
        changed(detail=7),
        "meh",
        None,
    ],
    ids=str,
)
async def test_a_signal_that_breaks_its_promise_is_refused_and_its_neighbours_are_kept(bad: object) -> None:
    class Bad(Word):
        def find(self, writing: Writing) -> list[Signal]:
            return [bad] if writing.fields["text"] == "meh!" else [GOOD]  # type: ignore[list-item]  # on purpose

    answers = await Classifiers([Bad()]).classify(writings("meh", "meh!", "meh"))

    assert answers == [Classified((GOOD,)), failed(FailureReason.INVALID), Classified((GOOD,))]


@pytest.mark.parametrize("bad", [None, [], [[], [], []], "ab", {"a": []}, 7, [None, None], ["", ""]], ids=repr)
async def test_a_result_of_another_shape_is_refused_whole(bad: Any) -> None:
    class Bad(Word):
        def classify(self, batch: Sequence[Writing]) -> Any:
            return bad

    answers = await Classifiers([Bad()]).classify(writings("meh", "meh!"))

    assert answers == [failed(FailureReason.INVALID)] * 2


async def test_a_sequence_that_raises_is_refused_too() -> None:
    class Sly(list[Any]):
        def __len__(self) -> int:
            raise RuntimeError

    class Bad(Word):
        def classify(self, batch: Sequence[Writing]) -> Any:
            return Sly()

    assert await Classifiers([Bad()]).classify(writings("meh")) == [failed(FailureReason.INVALID)]


async def test_numbers_of_other_libraries_and_plain_words_become_ours() -> None:
    import numpy

    class Foreign(Word):
        def find(self, writing: Writing) -> list[Signal]:
            numbers: Any = {"start": numpy.int64(0), "end": numpy.int64(3), "confidence": numpy.float32(0.25)}
            return [changed(category="insult", severity="strong", detail=None, **numbers)]

    (answer,) = await Classifiers([Foreign()]).classify(writings("meh"))

    (signal,) = answer.signals
    assert signal == Signal("word", Category.INSULT, Severity.STRONG, "text", 0, 3, "meh", 0.25)
    assert [type(value) for value in (signal.category, signal.severity, signal.start, signal.confidence)] == [
        Category,
        Severity,
        int,
        float,
    ]


async def test_a_page_of_signals_is_cut() -> None:
    class Many(Word):
        def find(self, writing: Writing) -> list[Signal]:
            return [GOOD] * (MOST_SIGNALS + 50)

    (answer,) = await Classifiers([Many()]).classify(writings("meh"))

    assert len(answer.signals) == MOST_SIGNALS


@given(st.lists(st.sampled_from(["", "meh", "fine", "poison", "bad"]), max_size=30), st.integers(1, 7))
async def test_every_writing_gets_its_own_answer(texts: list[str], size: int) -> None:
    class Picky(Word):
        def find(self, writing: Writing) -> list[Signal]:
            return [changed(end=99)] if writing.fields["text"] == "bad" else super().find(writing)

    def hook(batch: Sequence[Writing]) -> None:
        if [writing.fields["text"] for writing in batch].count("poison"):
            raise ValueError

    answers = await Classifiers([Picky(hook=hook, batch_size=size)]).classify(writings(*texts))

    assert len(answers) == len(texts)
    for text, answer in zip(texts, answers, strict=True):
        if answer.failures:
            assert text != ""
            assert answer.signals == ()
        else:
            assert answer == (found(text) if text == "meh" else Classified())
            assert text not in {"poison", "bad"}


@pytest.mark.parametrize("kind", ["plain", "async"])
@pytest.mark.parametrize(("says", "is_well"), [(None, True), (True, True), (False, False), (ValueError(), False)])
async def test_health_is_reported_when_it_changes(kind: str, says: object, is_well: bool) -> None:
    def answer() -> Any:
        if isinstance(says, Exception):
            raise says
        return says

    async def answer_later() -> Any:
        return answer()

    word = Word()
    word.health = answer if kind == "plain" else answer_later  # type: ignore[attr-defined]  # it may have one
    reports: list[tuple[str, str | None]] = []
    stop = asyncio.Event()
    asyncio.get_running_loop().call_later(0.05, stop.set)

    await Classifiers([word]).watch(lambda name, trouble: reports.append((name, trouble)), stop)

    assert [name for name, trouble in reports if trouble] == ([] if is_well else ["word"])
