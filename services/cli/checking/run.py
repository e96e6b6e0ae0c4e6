"""The work of `plaudit check`, apart from its options."""

from __future__ import annotations

import gc
import os
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import orjson

from services.cli.checking.checker import Checker, Judgement
from services.cli.checking.line import LONGEST_LINE, TOO_LONG, Fault, Id, Item, read_line
from services.cli.checking.lines import line_batches
from services.cli.checking.setup import policy_of, site_of
from services.cli.checking.sources import STDIN, STDIN_NAME, Source, check_output, missing, open_source
from services.cli.checking.tally import Tally
from services.cli.errors import UNSOUND, CommandError
from services.moderation.engine.engine import Engine

SOME_FAULTY: Final = 1
INTERRUPTED: Final = 130
BROKEN_PIPE: Final = 141
"""As shells say of a program that nobody listens to any more."""

_BAR_FROM_BYTES: Final = 4_000_000


@dataclass(frozen=True, slots=True)
class Options:
    files: Sequence[Path] = ()
    policy: Path | None = None
    languages: str | None = None
    words: Path | None = None
    classifiers: Sequence[str] = ()
    verbose: bool = False
    summary: bool = False


def run(options: Options) -> int:
    """The exit code. Raises CommandError for what cannot be used or read."""
    if absent := missing(options.files):
        raise CommandError(f"there is no file {absent[0]}", UNSOUND)
    check_output()
    with ExitStack() as stack:
        classifying = None
        if options.classifiers:
            from services.cli.checking.classifying import Classifying

            classifying = stack.enter_context(Classifying(options.classifiers))
        site = site_of(options.languages, options.words)
        checker = Checker(Engine.default(), policy_of(options.policy), site, classifying)
        stack.enter_context(_little_garbage_collection())
        tally = Tally()
        started = time.monotonic()
        try:
            _check(checker, options, tally)
        except BrokenPipeError:
            _silence()
            return BROKEN_PIPE
        except KeyboardInterrupt:
            return INTERRUPTED
        if options.summary:
            print(*tally.lines(time.monotonic() - started), sep="\n", file=sys.stderr)
        failed = classifying.failed if classifying else {}
        for plugin, count in failed.items():
            print(f"plaudit: the classifier {plugin} gave no answer about {count:,} texts", file=sys.stderr)
        return SOME_FAULTY if tally.faults or failed else 0


def _check(checker: Checker, options: Options, tally: Tally) -> None:
    for path in options.files or [STDIN]:
        with open_source(path) as source, _progress(source) as advance:
            _invite(source)
            name = source.name if len(options.files) > 1 else None
            for lines in line_batches(source.read, LONGEST_LINE):
                _write(_answers(checker, lines, tally, name, verbose=options.verbose))
                advance(tally)


def _answers(
    checker: Checker, lines: Sequence[tuple[int, bytes | None]], tally: Tally, name: str | None, *, verbose: bool
) -> bytes:
    """A line for each of `lines`. `name` is the file's, where there are several."""
    read = [(number, TOO_LONG if line is None else read_line(line)) for number, line in lines]
    judgements = checker.judge([item for _, item in read if isinstance(item, Item)])
    tally.add(judgements)
    tally.faults += len(read) - len(judgements)
    judged = iter(judgements)
    return b"".join(
        [
            _refusal(item, number, name) if isinstance(item, Fault) else _answer(item.id, next(judged), verbose=verbose)
            for number, item in read
        ]
    )


def _answer(given: Id, judgement: Judgement, *, verbose: bool) -> bytes:
    verdict = judgement.verdict
    answer: dict[str, Any] = {
        "id": given,
        "decision": verdict.status,
        "rule": verdict.rule,
        "codes": verdict.codes,
        "flags": [
            {
                "detector": signal.detector,
                "category": signal.category,
                "severity": signal.severity,
                "field": signal.field,
                "start": signal.start,
                "end": signal.end,
                "matched": signal.matched,
            }
            for signal in judgement.facts.signals
        ],
    }
    if verbose:
        for flag, signal in zip(answer["flags"], judgement.facts.signals, strict=True):
            flag |= {"confidence": signal.confidence, "detail": signal.detail}
        answer |= {
            "policy": verdict.policy,
            "policy_version": verdict.policy_version,
            "queue": verdict.queue,
            "note": verdict.note,
        }
    return orjson.dumps(answer, option=orjson.OPT_APPEND_NEWLINE)


def _refusal(fault: Fault, number: int, name: str | None) -> bytes:
    place = {"line": number} if name is None else {"file": name, "line": number}
    error = {**place, "field": fault.field, "message": fault.message}
    return orjson.dumps({"id": fault.id, "error": error}, option=orjson.OPT_APPEND_NEWLINE)


def _write(answers: bytes) -> None:
    """At once: whoever waits at the other end of a pipe has sent all it will send before it reads."""
    try:
        sys.stdout.buffer.write(answers)
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        _silence()
        raise CommandError(f"the answers cannot be written: {error.strerror}") from None


@contextmanager
def _little_garbage_collection() -> Iterator[None]:
    """Answers hold no cycles, and looking for some among all that was built at the start takes a fifth of the time."""
    thresholds = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)
    gc.enable()
    try:
        yield
    finally:
        gc.set_threshold(*thresholds)
        gc.unfreeze()


def _silence() -> None:
    """Lest the interpreter complains when it flushes standard output at its end."""
    with suppress(OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _invite(source: Source) -> None:
    if source.name == STDIN_NAME and sys.stdin.isatty():
        print('Type a text a line, as {"id": 1, "text": "…"}; Ctrl-D ends.', file=sys.stderr)


@contextmanager
def _progress(source: Source) -> Iterator[Any]:
    """A function that is told the tally after each batch: a bar where somebody waits at a terminal for a big file."""
    if (source.size or 0) < _BAR_FROM_BYTES or not sys.stderr.isatty() or sys.stdout.isatty():
        yield lambda tally: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    columns = (BarColumn(), TaskProgressColumn(), TimeRemainingColumn(), TextColumn("{task.description}", markup=False))
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=source.size)
        yield lambda tally: bar.update(task, completed=source.position, description=f"{tally.texts:,} texts")
