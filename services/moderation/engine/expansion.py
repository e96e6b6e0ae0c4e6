"""The shorthand of lexicon entries: `fuck(|s|ing)` for three words, `suck(s|ed) +? up` for phrases with a gap."""

import re
from itertools import product
from typing import Final

ANY_WORD: Final = "+"
ANY_WORD_OR_NONE: Final = "+?"

_PART: Final = re.compile(r"(?:[^\s()]|\([^()]*\))+")
_GROUP: Final = re.compile(r"\(([^()]*)\)")
_MOST_SPELLINGS: Final = 2_000
_MOST_GAPS: Final = 3


def parts(entry: str) -> list[str]:
    """An entry cut at the spaces outside brackets. Raises ValueError, with a cure, for too many gaps."""
    cut = entry.split() if "(" not in entry else _PART.findall(entry)
    if "".join("".join(cut).split()) != "".join(entry.split()):
        cut = _parts_of_nested(entry)
    cut = [f"({part})" if part in (ANY_WORD, ANY_WORD_OR_NONE) else part for part in cut]
    if sum(part in ("(+)", "(+?)") for part in cut) > _MOST_GAPS:
        raise ValueError(f"has more than {_MOST_GAPS} gaps; at most {_MOST_GAPS} of its words may be '+' or '+?'")
    return cut


def expand(part: str) -> list[str]:
    """Every spelling that `part` stands for, in order, without duplicates; it may be the empty one.

    Raises ValueError, with a cure, for brackets that do not match and for too many spellings.
    """
    if "(" not in part and ")" not in part and "|" not in part:
        return [part]
    pieces = _GROUP.split(part)  # what is outside of brackets, and what is inside, in turn
    if any(bracket in outside for outside in pieces[::2] for bracket in "()|"):
        spellings, rest = _alternatives(part, 0)
        if rest < len(part):
            raise ValueError("has a ')' or '|' outside brackets; write a(b|c)")
    else:
        spellings = [pieces[0]]
        for inside, outside in zip(pieces[1::2], pieces[2::2], strict=True):
            spellings = _joined(spellings, [choice + outside for choice in inside.split("|")])
    if " " in part:
        spellings = [" ".join(spelling.split()) for spelling in spellings]
    return list(dict.fromkeys(spellings))


def _parts_of_nested(entry: str) -> list[str]:
    cut, depth = [""], 0
    for char in entry:
        depth += (char == "(") - (char == ")")
        if char.isspace() and depth <= 0:
            cut.append("")
        else:
            cut[-1] += char
    return list(filter(None, cut))


def _alternatives(entry: str, start: int) -> tuple[list[str], int]:
    """The spellings from `start` to the next unmatched bracket or bar, and where that stands."""
    spellings = [""]
    at = start
    while at < len(entry) and entry[at] not in "|)":
        if entry[at] == "(":
            group, at = _group(entry, at + 1)
            spellings = _joined(spellings, group)
        else:
            spellings = [spelling + entry[at] for spelling in spellings]
            at += 1
    return spellings, at


def _group(entry: str, at: int) -> tuple[list[str], int]:
    group: list[str] = []
    while True:
        spellings, at = _alternatives(entry, at)
        group += spellings
        if at == len(entry):
            raise ValueError("has a '(' that is never closed; add the ')'")
        at += 1
        if entry[at - 1] == ")":
            return group, at


def _joined(heads: list[str], tails: list[str]) -> list[str]:
    if len(heads) * len(tails) > _MOST_SPELLINGS:
        raise ValueError(f"stands for more than {_MOST_SPELLINGS} spellings; split it into several entries")
    return [head + tail for head, tail in product(heads, tails)]
