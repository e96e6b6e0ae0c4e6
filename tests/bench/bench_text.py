"""The text engine against better-profanity and better-profanity-rs: reviews a second in one process, in one run.

All contenders take turns in several rounds over the same texts, and medians count, so that a machine that slows down
for a while slows all of them. better-profanity needs 150 ms a text: it gets a sample.
"""

from __future__ import annotations

import gc
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from better_profanity import profanity as better_profanity

from services.moderation.engine.context import NO_CONTEXT
from services.moderation.engine.engine import Engine
from services.moderation.engine.lexicon import Lexicon
from services.moderation.engine.passage import Passage
from services.moderation.policy.facts import Facts
from services.moderation.policy.policy import default_policy
from tests.evaluation.filters import better_profanity_rs
from tests.evaluation.sets import Sets

ROUNDS = 5
SAMPLE = 20
LEAST_LEXICON_TO_ORIGINAL = 5_000
LEAST_LEXICON_TO_RUST = 1.5
LEAST_ALL_TO_RUST = 0.5


def run(folder: Path) -> None:
    texts = [text for _, _, text, _ in Sets(folder).clothing()]
    lexicon, engine, policy = Lexicon.default(), Engine.default(), default_policy()
    rust = better_profanity_rs()

    def words(texts: Sequence[str]) -> None:
        for text in texts:
            lexicon.find(Passage("text", text), NO_CONTEXT)

    def everything(texts: Sequence[str]) -> None:
        for text in texts:
            policy.decide(Facts(None, None, False, "api", engine.analyse({"text": text}), text=text))

    def original(texts: Sequence[str]) -> None:
        for text in texts:
            better_profanity.contains_profanity(text)

    contenders: dict[str, Callable[[Sequence[str]], object]] = {
        "lexicon": words,
        "all detectors and policy": everything,
        "better-profanity-rs": rust,
    }
    for contender in contenders.values():
        contender(texts[:2000])  # fill every cache
    better_profanity.load_censor_words()
    rates: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(ROUNDS):
        for name, contender in contenders.items():
            rates[name].append(_rate(contender, texts))
    medians = {name: statistics.median(values) for name, values in rates.items()}
    medians["better-profanity 0.7"] = _rate(original, texts[:: len(texts) // SAMPLE][:SAMPLE])
    print(f"{len(texts)} reviews of {statistics.mean(map(len, texts)):.0f} characters on average, {ROUNDS} rounds")
    for name, rate in medians.items():
        print(f"  {name:26} {rate:10,.0f} texts/s   {1e6 / rate:10,.1f} µs a text")
    lexical, whole, rusty = medians["lexicon"], medians["all detectors and policy"], medians["better-profanity-rs"]
    slow = medians["better-profanity 0.7"]
    print(f"  lexicon / better-profanity 0.7     {lexical / slow:8,.0f} (aim {LEAST_LEXICON_TO_ORIGINAL:,})")
    print(f"  lexicon / better-profanity-rs      {lexical / rusty:8.2f} (aim {LEAST_LEXICON_TO_RUST})")
    print(f"  everything / better-profanity-rs   {whole / rusty:8.2f} (aim {LEAST_ALL_TO_RUST}, better 1)")


def _rate(contender: Callable[[Sequence[str]], object], texts: Sequence[str]) -> float:
    gc.collect()
    began = time.perf_counter()
    contender(texts)
    return len(texts) / (time.perf_counter() - began)


if __name__ == "__main__":
    given = Path(sys.argv[1] if len(sys.argv) > 1 else "../shared/data")
    if given.is_dir():
        run(given)
    else:
        print(f"nothing measured: there is no folder {given}; name the one with the clothing reviews")
