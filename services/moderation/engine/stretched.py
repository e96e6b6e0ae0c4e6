"""Words with letters drawn out (fuuuck) or doubled (ffuucckk)."""

from collections.abc import Iterator
from itertools import groupby, product
from typing import Final

_MOST_RUNS: Final = 4  # each doubles the readings
_LONGEST: Final = 60
_PRIZED: Final = 3  # of a letter drawn out on purpose


def squeezed(token: str) -> Iterator[str]:
    """What a token may have been before its letters were repeated, the mildest change first; never the token itself.

    A letter that stands three times or more was once or twice in the word. Pairs count only when no letter does.
    """
    runs = [(letter, sum(1 for _ in group)) for letter, group in groupby(token)]
    least = _PRIZED if any(length >= _PRIZED for _, length in runs) else 2
    drawn = [at for at, (_, length) in enumerate(runs) if length >= least]
    if not drawn:
        return
    if len(drawn) > _MOST_RUNS or len(token) > _LONGEST:
        choices: Iterator[tuple[int, ...]] = iter([(2,) * len(drawn), (1,) * len(drawn)])
    else:
        choices = product((2, 1), repeat=len(drawn))
    for choice in choices:
        lengths = dict(zip(drawn, choice, strict=True))
        reading = "".join(letter * lengths.get(at, length) for at, (letter, length) in enumerate(runs))
        if reading != token:
            yield reading


def is_plausible(letters: str, token: str) -> bool:
    """Whether a short word was drawn out at an end, as people do; in the middle ("wooop") it is another word."""
    if len(letters) >= _PRIZED + 1:
        return True
    middle = token.strip(token[0]).strip(token[-1])
    return all(sum(1 for _ in group) == 1 for _, group in groupby(middle))
