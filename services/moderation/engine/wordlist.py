"""The words we look for: reader of the lexicon files, one per language, and of entries that a site adds."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from itertools import chain
from typing import Final, Literal
from unicodedata import name

from services.moderation.engine.expansion import ANY_WORD, ANY_WORD_OR_NONE, expand, parts
from services.moderation.engine.normalise import fold_letters, unaccented
from services.moderation.engine.reading import literal_letters
from services.moderation.engine.signal import Category, Severity

ENGLISH: Final = "en"

_GRADES: Final = "|".join(Severity)
_CATEGORIES: Final = "|".join(category for category in Category)
_SECTION: Final = re.compile(
    rf"\[(?:(?P<category>{_CATEGORIES}) (?P<severity>{_GRADES})(?P<scope> anywhere| disguised)?"
    r"|(?P<kind>allow|ignored|innocent|disguised))\]"
)
_COMMENT: Final = re.compile(r"(?:^|\s)#.*")


@dataclass(frozen=True, slots=True, eq=False)
class Word:
    """A word or phrase to look for; each is itself, so that it may be a key at no cost.

    `letters` are those of a word, folded; of a phrase, its first spelling. A phrase has `parts`, each with the
    spellings it may have: words as a reading has them, "+" for any one word, "+?" for one or none, "" for none. An open
    end also matches inside a longer word. `canonical` is how evidence names it, None for a phrase as it was said.
    `literal` is the entry as written where letters alone do not tell it ("2g1c"). `accented` is the spelling with its
    accents, some of which count in languages that have them: of a phrase, with the most that it may have; `tildes` is
    how many ñ each of a phrase's spellings has.
    """

    letters: str
    canonical: str | None
    category: Category = Category.PROFANITY
    severity: Severity = Severity.MILD
    language: str = ENGLISH
    anywhere: bool = True
    open_start: bool = False
    open_end: bool = False
    literal: str | None = None
    accented: str | None = None
    parts: tuple[tuple[str, ...], ...] = ()
    tildes: int = 0

    @property
    def is_phrase(self) -> bool:
        return bool(self.parts)


@dataclass(frozen=True, slots=True)
class WordList:
    """What the files say. `allowed` are phrases within which a hit is innocent, `ignored` words that are never read as
    another, `innocent` English words by the language in which they mean something harmless, `disguised` words that only
    a disguise makes offensive.
    """

    words: tuple[Word, ...]
    allowed: tuple[Word, ...] = ()
    ignored: frozenset[str] = frozenset()
    innocent: tuple[tuple[str, frozenset[str]], ...] = ()
    disguised: tuple[Word, ...] = ()


@dataclass(frozen=True, slots=True)
class _Line:
    kind: Literal["word", "disguised", "allow", "ignored", "innocent"]
    word: Word


@cache
def load_word_lists() -> WordList:
    """The built-in lists. Raises ValueError, naming file and line, for a file that breaks the format."""
    sources = sorted(files(__package__).joinpath("lexicons").iterdir(), key=lambda file: file.name)
    return merge(parse(file.read_text("utf-8"), file.name.partition(".")[0]) for file in sources)


def merge(lists: Iterator[WordList]) -> WordList:
    words: list[Word] = []
    allowed: list[Word] = []
    ignored: set[str] = set()
    innocent: list[tuple[str, frozenset[str]]] = []
    disguised: list[Word] = []
    for each in lists:
        words += each.words
        disguised += each.disguised
        allowed += each.allowed
        ignored |= each.ignored
        innocent += each.innocent
    return WordList(tuple(words), tuple(allowed), frozenset(ignored), tuple(innocent), tuple(disguised))


def parse(source: str, language: str = ENGLISH) -> WordList:
    """Read one lexicon file. Of an entry that stands in it twice, the first counts."""
    words: dict[object, Word] = {}
    allowed: dict[object, Word] = {}
    ignored: set[str] = set()
    innocent: set[str] = set()
    disguised: dict[object, Word] = {}
    for line in _lines(source, language):
        word = line.word
        match line.kind:
            case "word":
                words.setdefault(_key(word), word)
            case "allow":
                allowed.setdefault(_key(word), word)
            case "disguised":
                disguised.setdefault(_key(word), word)
            case "ignored":
                ignored.add(word.letters)
            case "innocent":
                innocent.add(word.letters)
    written_out = {word.letters for word in words.values()}
    return WordList(
        tuple(words.values()),
        tuple(allowed.values()),
        frozenset(ignored - written_out),
        ((language, frozenset(innocent)),) if innocent else (),
        tuple(disguised.values()),
    )


def _key(word: Word) -> object:
    wording = word.category in (Category.INSULT, Category.THREAT)  # reported beside the words it is made of
    return word.parts or word.literal or word.letters, word.open_start, word.open_end, wording


def parse_entry(
    entry: str,
    category: Category = Category.PROFANITY,
    severity: Severity = Severity.MILD,
    *,
    language: str = ENGLISH,
    anywhere: bool = True,
) -> list[Word]:
    """The words that one entry stands for. Raises ValueError saying what is wrong with it and how to cure it."""
    spelling, equals, canonical = (part.strip() for part in entry.casefold().partition("="))
    if equals and not canonical:
        raise ValueError(f"{entry!r} has nothing after '='; name the word that it stands for")
    try:
        cut = parts(spelling)
        while cut and cut[-1] == "(+?)":  # says nothing
            cut.pop()
        spellings = [expand(part) for part in cut]
        grade = _Grade(category, severity, language, anywhere, canonical or None)
        if len(spellings) > 1:
            return [_phrase(spellings, grade)]
        words = [
            _phrase([[part] for part in spelt.split()], grade) if " " in spelt else _word(spelt, grade)
            for spelt in filter(None, chain(*spellings))
        ]
    except ValueError as problem:
        raise ValueError(f"{entry!r} {problem}") from None
    if not words:
        raise ValueError(f"{entry!r} is empty; write a word or a phrase")
    return words


@dataclass(frozen=True, slots=True)
class _Grade:
    category: Category
    severity: Severity
    language: str
    anywhere: bool
    canonical: str | None


def _word(spelt: str, grade: _Grade) -> Word:
    open_start, open_end, bare = _ends(spelt)
    if bare.isascii() and bare.isalpha():
        return Word(
            bare, grade.canonical or bare, grade.category, grade.severity, grade.language, grade.anywhere,
            open_start, open_end,
        )  # fmt: skip
    letters = "".join(fold_letters(bare).split())
    read_as = literal_letters(bare)
    if not letters or not (read_as or not _is_latin(bare)):
        raise ValueError("has no letters; an entry needs at least one")
    if " " in read_as:
        return (
            _phrase([[part] for part in spelt.replace("'", " ").split()], grade)
            if _is_latin(bare) and read_as.replace(" ", "").isalpha()
            else Word(
                letters,
                grade.canonical or bare,
                grade.category,
                grade.severity,
                grade.language,
                grade.anywhere,
                literal=bare,
            )
        )
    return Word(
        letters,
        grade.canonical or bare,
        grade.category,
        grade.severity,
        grade.language,
        grade.anywhere,
        open_start,
        open_end,
        literal=None if read_as == letters and _is_latin(bare) else bare,
        accented=bare if bare != unaccented(bare) else None,
    )


def _phrase(spellings: list[list[str]], grade: _Grade) -> Word:
    open_start = any(spelt.startswith("*") for spelt in spellings[0])
    open_end = any(spelt.endswith("*") for spelt in spellings[-1])
    folded = tuple(tuple(dict.fromkeys(map(_as_read, part))) for part in spellings)
    firm = [part for part in folded if "" not in part and not {ANY_WORD, ANY_WORD_OR_NONE} & set(part)]
    if not firm:
        raise ValueError("may be empty or any words; at least one of its words must be firm")
    if {ANY_WORD, ANY_WORD_OR_NONE} & {*folded[0], *folded[-1]}:
        raise ValueError("begins or ends with a gap; '+' stands between two words")
    return Word(
        " ".join(part[0] for part in folded),
        grade.canonical,
        grade.category,
        grade.severity,
        grade.language,
        grade.anywhere,
        open_start,
        open_end,
        accented=" ".join(max(part, key=_marks) for part in spellings) if any(map(_marks, chain(*spellings))) else None,
        parts=folded,
        tildes=sum(min(spelt.count("ñ") for spelt in part) for part in spellings),
    )


def _marks(spelt: str) -> int:
    return 0 if spelt.isascii() else spelt.count("ñ") + spelt.count("ç")


@cache
def _as_read(spelt: str) -> str:
    """One spelling of a part of a phrase as a reading has it."""
    if "*" not in spelt and "+" not in spelt:
        return " ".join(literal_letters(spelt).split())
    return " ".join(
        word if word in (ANY_WORD, ANY_WORD_OR_NONE) else literal_letters(_ends(word)[2]) for word in spelt.split()
    )


def _ends(spelt: str) -> tuple[bool, bool, str]:
    bare = spelt.strip("*")
    if "*" in bare:
        raise ValueError("has a '*' in its middle; '*' may only open the start or the end of a word")
    return spelt.startswith("*"), spelt.endswith("*"), bare


def _is_latin(text: str) -> bool:
    """Whether all letters of `text` are Latin ones. Others are only matched as written: they disguise nothing."""
    return all(name(char, "").startswith("LATIN") for char in text if char.isalpha())


def _lines(source: str, language: str) -> Iterator[_Line]:
    section: re.Match[str] | None = None
    for number, raw in enumerate(source.splitlines(), 1):
        entry = _COMMENT.sub("", raw).strip()
        if not entry:
            continue
        if entry.startswith("["):
            section = _SECTION.fullmatch(entry)
            if section is None:
                raise ValueError(f"{language}.txt, line {number}: unknown section {entry}; write [category severity]")
            continue
        if section is None:
            raise ValueError(f"{language}.txt, line {number}: {entry!r} stands in no section")
        try:
            yield from _entry_lines(section, entry, language)
        except ValueError as problem:
            raise ValueError(f"{language}.txt, line {number}: {problem}") from None


def _entry_lines(section: re.Match[str], entry: str, language: str) -> Iterator[_Line]:
    match section["kind"]:
        case "allow" | "ignored" | "innocent" | "disguised" as kind:
            for word in parse_entry(entry, language=language):
                yield _Line(kind, word)
        case _:
            grade = Category(section["category"]), Severity(section["severity"])
            anywhere = language == ENGLISH or section["scope"] == " anywhere"
            for word in parse_entry(entry, *grade, language=language, anywhere=anywhere):
                yield _Line("disguised" if section["scope"] == " disguised" else "word", word)
