"""A site's own words and languages: set, taken away, listed, and brought into the form that the engine uses.

Those of EVERY_SITE hold on every site; what a site says of the same entry counts there instead.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal, NamedTuple

import asyncpg

from services.moderation.engine.expansion import expand, parts
from services.moderation.engine.signal import Category, Severity
from services.moderation.engine.site_words import SiteWords
from services.moderation.policies.generation import change
from services.moderation.policies.reference import EVERY_SITE, By

Kind = Literal["add", "remove", "allow", "competitor"]
KINDS: Final[tuple[Kind, ...]] = ("add", "remove", "allow", "competitor")
CATEGORIES: Final = (Category.PROFANITY, Category.SLUR, Category.SEXUAL, Category.INSULT, Category.THREAT)
MOST_WORDS: Final = 5_000
"""Per scope: each worker holds all of them in memory, and each text is searched for all of them at once."""
MOST_SPELLINGS: Final = 10_000
"""Per scope, of all its entries together: `(a|b)(c|d)` is four. To compile them takes each worker that many half
milliseconds, and it does nothing else meanwhile, for no site."""
LONGEST_ENTRY: Final = 200

_OPPOSITE: Final[dict[str, str]] = {"add": "remove", "remove": "add"}
_LIST = """
    select scope, kind, entry, category, severity, added_at, added_by from moderation.site_words
    where scope in ($1, '*') order by scope = '*', kind, entry"""
_SET = """
    insert into moderation.site_words (scope, kind, entry, category, severity, added_at, added_by)
    values ($1, $2, $3, $4, $5, $6, $7)
    on conflict (scope, kind, entry) do update
        set category = excluded.category, severity = excluded.severity,
            added_at = excluded.added_at, added_by = excluded.added_by"""
_DELETE = "delete from moderation.site_words where scope = $1 and kind = $2 and entry = $3"
_APPEND = """
    insert into moderation.site_word_events
        (scope, what, kind, entry, category, severity, languages, actor, moderator, note, at)
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)"""
_BUMP = """
    insert into moderation.rules (scope, generation, words_generation) values ($1, $2, $2)
    on conflict (scope) do update set generation = $2, words_generation = $2"""
_READ_LANGUAGES = "select languages from moderation.rules where scope = $1"
_SET_LANGUAGES = "update moderation.rules set languages = $2 where scope = $1"
_PAGE = """
    select id, scope, what, kind, entry, category, severity, languages, actor, moderator, note, at
    from moderation.site_word_events where scope = $1 and id < $2 order by id desc limit $3"""
_BEHIND_ALL = 2**63 - 1


class Word(NamedTuple):
    """An entry in the lexicon's own mini-format; `category` and `severity` belong to what is added, and only to it."""

    kind: Kind
    entry: str
    category: str | None = None
    severity: str | None = None


@dataclass(frozen=True, slots=True)
class ListedWord:
    scope: str
    word: Word
    added_at: datetime
    added_by: str


class WordRefused(ValueError):
    """What cannot be one of a site's words; the message names the entry and the cure."""


def tidy(word: Word) -> Word:
    """With single blanks, in lower case but for names of competitors, and where it is added, with category and severity
    also where none are given. Raises WordRefused.
    """
    entry = " ".join(word.entry.split())
    if word.kind != "competitor":
        entry = entry.lower()
    if not entry or len(entry) > LONGEST_ENTRY or not entry.isprintable():
        raise WordRefused(f"an entry has 1 to {LONGEST_ENTRY} printable characters")
    if word.kind not in KINDS:
        raise WordRefused(f"a word's kind is one of {', '.join(KINDS)}")
    if word.kind != "add":
        if word.category is not None or word.severity is not None:
            raise WordRefused(f"{entry!r}: category and severity belong to words that are added; leave them out")
        return Word(word.kind, entry)
    category, severity = word.category or Category.PROFANITY.value, word.severity or Severity.STRONG.value
    if category not in CATEGORIES:
        raise WordRefused(f"{entry!r}: category is one of {', '.join(CATEGORIES)}")
    if severity not in set(Severity):
        raise WordRefused(f"{entry!r}: severity is one of {', '.join(Severity)}")
    return Word("add", entry, category, severity)


def compiled(own: Iterable[Word], everywhere: Iterable[Word] = ()) -> SiteWords:
    """Raises WordRefused where the engine cannot take an entry."""
    words: dict[tuple[str, str], Word] = {_key(word): word for word in everywhere}
    for word in own:
        words.pop(_opposite(word), None)
        words[_key(word)] = word
    try:
        return SiteWords.compile(
            added=[
                (word.entry, Category(word.category), Severity(word.severity))
                for word in words.values()
                if word.kind == "add" and word.category is not None and word.severity is not None
            ],
            removed=[word.entry for word in words.values() if word.kind == "remove"],
            allowed=[word.entry for word in words.values() if word.kind == "allow"],
            competitors=[word.entry for word in words.values() if word.kind == "competitor"],
        )
    except ValueError as error:
        raise WordRefused(str(error)) from None


async def set_words(
    tx: asyncpg.Connection[Any], scope: str, words: Sequence[Word], by: By, now: datetime
) -> list[Word]:
    """Those that were not so before. To add a word ends its removal, and the other way round. Raises WordRefused."""
    wanted = {_key(word): word for word in map(tidy, words)}
    _check_spellings(wanted.values())
    await asyncio.to_thread(compiled, tuple(wanted.values()))  # before any decision has to wait
    generation = await change(tx)
    own = await _own(tx, scope)
    changed = [word for key, word in wanted.items() if own.get(key) != word]
    if not changed:
        return []
    ended = [own[key] for word in changed if (key := _opposite(word)) in own]
    ended += [old for word in changed if (old := own.get(_key(word))) is not None and old.entry != word.entry]
    after = {key: word for key, word in own.items() if word not in ended} | wanted
    if len(after) > MOST_WORDS:
        raise WordRefused(f"a site has at most {MOST_WORDS} words of its own; take some away first")
    _check_spellings(after.values())
    await _delete(tx, scope, ended, by, now)
    await tx.executemany(_SET, [(scope, *word, now, by.actor) for word in changed])
    await tx.executemany(_APPEND, [(scope, "set", *word, None, *by, now) for word in changed])
    await tx.execute(_BUMP, scope, generation)
    return changed


async def remove_word(tx: asyncpg.Connection[Any], scope: str, kind: Kind, entry: str, by: By, now: datetime) -> bool:
    """Whether it was there."""
    generation = await change(tx)
    word = (await _own(tx, scope)).get(_key(Word(kind, " ".join(entry.split()))))
    if word is None:
        return False
    await _delete(tx, scope, [word], by, now)
    await tx.execute(_BUMP, scope, generation)
    return True


async def set_languages(
    tx: asyncpg.Connection[Any], scope: str, languages: Collection[str], by: By, now: datetime
) -> bool:
    """In which the site takes reviews, as ISO 639-1 codes; none is any. Whether that was not so before."""
    wanted = sorted(set(languages))
    for code in wanted:
        if not (len(code) == 2 and code.isascii() and code.isalpha() and code.islower()):
            raise WordRefused("a language is two lower-case letters of ISO 639-1, such as en")
    generation = await change(tx)
    if wanted == list(await tx.fetchval(_READ_LANGUAGES, scope) or []):
        return False
    await tx.execute(_BUMP, scope, generation)
    await tx.execute(_SET_LANGUAGES, scope, wanted)
    await tx.execute(_APPEND, scope, "languages", None, None, None, None, wanted, *by, now)
    return True


async def listed(connection: asyncpg.Connection[Any], scope: str) -> list[ListedWord]:
    """The scope's own, then those of EVERY_SITE."""
    return [
        ListedWord(scope=of, word=Word(kind, entry, category, severity), added_at=added_at, added_by=added_by)
        for of, kind, entry, category, severity, added_at, added_by in await connection.fetch(_LIST, scope)
    ]


async def languages(connection: asyncpg.Connection[Any], scope: str) -> list[str]:
    """The site's own, else those of EVERY_SITE; empty is any."""
    for one in (scope, EVERY_SITE):
        if found := await connection.fetchval(_READ_LANGUAGES, one):
            return list(found)
    return []


async def page(
    connection: asyncpg.Connection[Any], scope: str, before: int | None, limit: int
) -> tuple[list[dict[str, Any]], int | None]:
    """The audit, newest first, and the id before which the next page begins."""
    rows = await connection.fetch(_PAGE, scope, _BEHIND_ALL if before is None else before, limit + 1)
    shown = [dict(row) for row in rows[:limit]]
    return shown, shown[-1]["id"] if len(rows) > limit else None


def _key(word: Word) -> tuple[str, str]:
    """Entries that differ in case only are the same."""
    return word.kind, word.entry.lower()


def _opposite(word: Word) -> tuple[str, str]:
    return _OPPOSITE.get(word.kind, ""), word.entry.lower()


def _spellings(entry: str) -> int:
    """How many its shorthand stands for; of a phrase, those of all its words."""
    if "(" not in entry:
        return 1
    try:
        return sum(len(expand(part)) for part in parts(entry.partition("=")[0]))
    except ValueError:
        return 1  # what is wrong with it is said when it is compiled


def _check_spellings(words: Iterable[Word]) -> None:
    """Raises WordRefused. Counts no further than it must: one entry may stand for thousands."""
    left = MOST_SPELLINGS
    for word in words:
        left -= _spellings(word.entry)
        if left < 0:
            raise WordRefused(
                f"a site's words stand for at most {MOST_SPELLINGS:,} spellings together; say less in brackets"
            )


async def _own(tx: asyncpg.Connection[Any], scope: str) -> dict[tuple[str, str], Word]:
    return {_key(one.word): one.word for one in await listed(tx, scope) if one.scope == scope}


async def _delete(tx: asyncpg.Connection[Any], scope: str, words: Sequence[Word], by: By, now: datetime) -> None:
    if words:
        await tx.executemany(_DELETE, [(scope, word.kind, word.entry) for word in words])
        await tx.executemany(_APPEND, [(scope, "removed", *word, None, *by, now) for word in words])
