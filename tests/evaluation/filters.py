"""What is compared: Plaudit's engine, and filters that say of a text whether it is profane."""

from __future__ import annotations

import json
import subprocess
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path

Filter = Callable[[Sequence[str]], list[bool]]
"""Whether each text is profane."""

NODE = Path(__file__).parent / "node"


class Unavailable(Exception):
    """A filter cannot run here; the message says what is missing."""


def better_profanity_rs() -> Filter:
    from better_profanity_rs import profanity  # type: ignore[import-untyped]  # no stubs

    profanity.load_censor_words()
    return lambda texts: [bool(profanity.contains_profanity(text)) for text in texts]


def alt_profanity_check() -> Filter:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of scikit-learn, about the version that the model was made with
        from profanity_check import predict  # type: ignore[import-untyped]  # no stubs
    return lambda texts: [bool(verdict) for verdict in predict(list(texts))] if texts else []


def obscenity() -> Filter:
    """English preset, through Node. Raises Unavailable without Node, or without what `npm ci` installs."""
    if not (NODE / "node_modules").is_dir():
        raise Unavailable("obscenity: needs Node; `make evaluate` installs it where there is npm")

    def run(texts: Sequence[str]) -> list[bool]:
        done = subprocess.run(
            ["node", "obscenity.mjs"],
            cwd=NODE,
            input=json.dumps(list(texts)),
            capture_output=True,
            text=True,
            check=True,
            timeout=300,
        )
        found: list[bool] = json.loads(done.stdout)
        return found

    return run


OTHERS: dict[str, Callable[[], Filter]] = {
    "better-profanity-rs": better_profanity_rs,
    "alt-profanity-check": alt_profanity_check,
    "obscenity": obscenity,
}
