"""Which spellings a word is looked for in, beside its own, and what a place that looks disguised must be read by.

Most disguises are too many to list, so their beginnings or remains are listed instead: what stands in a reading of the
text when "sh!t" was written is " sh t ", which no honest text contains. What such a clue means is judged where it was
found, by the signs that really stand there.
"""

from collections.abc import Iterable, Iterator
from typing import Final

from services.moderation.engine.signal import Category, Severity
from services.moderation.engine.wordlist import ENGLISH, Word

VOWELS: Final = frozenset("aeiou")
LEET_DIGITS: Final = frozenset("abegilostz")  # letters that a digit is drawn like
_LEET_SIGNS: Final = frozenset("aceilos")
_FOUL: Final = (Category.PROFANITY, Category.SLUR, Category.SEXUAL)
_SHORTEST: Final = 4
_LONGEST: Final = 12
_LONGEST_STEM: Final = 10
_GLUED_TO: Final = ("is", "are", "was", "the", "of", "such", "like", "what", "you", "your", "my")
_DRAWN_LIKE: Final = {"u": "v", "i": "l", "l": "i"}
_ONCE: Final = frozenset("hijkquvwxyz")  # hardly ever doubled, so that `stretched` looks at every such pair itself

# What people disguise, likeliest first, besides the strong words of the lists: "s***" is read as the first that fits.
# "Hell" is no profanity when written out: the disguise makes it one.
_COMMONLY_DISGUISED_TEXT: Final = (
    "fuck fucks fucked fucker fuckers fuckin fucking motherfucker motherfuckers motherfucking motherfuckin "
    "shit shits shitty shitting shittier shittiest bullshit bitch bitches bitching bitchy cunt cunts asshole "
    "assholes ass arse asses badass dumbass jackass damn damned dammit goddamn crap crappy piss pissed "
    "pissing hell bastard bastards slut sluts slutty dick dicks dickhead cock cocks cocksucker pussy pussies "
    "tits titties boobs twat twats whore whores wanker wankers prick pricks porn penis nigger niggers "
    "nigga niggas faggot faggots "
)
COMMONLY_DISGUISED: Final = tuple(_COMMONLY_DISGUISED_TEXT.split())

# Pieces that are words or parts of contractions: two of them side by side are no word broken in two.
_ORDINARY_TEXT: Final = (
    "a i o s t d m ll re ve as at an am be by do go he hi if in is it me my no of oh ok on or so to up us we "
    "ass bar bas bit bull but can cock come dam damn dick die dig don fag fan for fun get gin god got hat "
    "head her hers him hit hits hitting hole holes hot how hue ing its job jobs king lick mother mothers must "
    "nut ore ores pan per pus rat red sack sand shot sir sis sit sky slur star stick suck sucks sucker "
    "sucking ted ten the tit tits tom too top war was wed well who whole wit with you hag lag lags itch "
    "itches witch rag art bag cum rick ricks lit rap rapist rape ape apes side skin sin sing ping bed led den "
    "hand blow gang bang deep throat man men son sons "
)
_ORDINARY: Final = frozenset(_ORDINARY_TEXT.split())


def is_foul(word: Word) -> bool:
    """Whether people would take the trouble to disguise it, and a disguise of it is not taken for something else."""
    return (
        word.category in _FOUL
        and word.severity is not Severity.MILD
        and not word.is_phrase
        and word.literal is None
        and _SHORTEST <= len(word.letters) <= _LONGEST
    )


def is_stem(word: Word) -> bool:
    """Whether to look for every disguise of a foul word: for no misspelling of another one, nor for a long compound."""
    return (
        is_foul(word) and len(word.letters) <= _LONGEST_STEM and (word.canonical or "").replace(" ", "") == word.letters
    )


def disguised_words(words: Iterable[Word]) -> list[Word]:
    """What is looked for in every disguise: closed words, likeliest first, each once."""
    words = tuple(words)
    english = [word for word in words if not word.is_phrase and word.literal is None and word.language == ENGLISH]
    written_out = {word.letters: word for word in reversed(english) if not (word.open_start or word.open_end)}
    opened = [word for word in english if word.open_start or word.open_end]
    chosen: dict[str, Word] = {}
    for letters in COMMONLY_DISGUISED if english else ():
        fitting = [word for word in opened if _covers(word, letters)]
        mild = Word(letters, letters, Category.PROFANITY, Severity.MILD)
        covering = max(fitting, key=lambda word: (word.severity.rank, len(word.letters)), default=mild)
        chosen[letters] = written_out.get(letters, covering)
    for word in words:
        if is_stem(word):
            chosen.setdefault(word.letters, word)
    return [_closed(letters, word) for letters, word in chosen.items()]


def respellings(letters: str) -> Iterator[str]:
    """With a letter doubled, or changed for one that is drawn like it."""
    if len(letters) < _SHORTEST:
        return
    for at, letter in enumerate(letters):
        head, tail = letters[:at], letters[at + 1 :]
        if (at == 0 or letter not in _ONCE) and letter != letters[at - 1] and not tail.startswith(letter):
            yield head + letter * 2 + tail
        if at and letter in VOWELS:
            yield f"{head}x{tail}"
        lookalike = _DRAWN_LIKE.get(letter)
        if lookalike and (len(letters) > _SHORTEST or not VOWELS.isdisjoint(head + lookalike + tail)):
            yield head + lookalike + tail  # without a vowel, four letters may well be initials: SPLC


def glued_on(word: Word) -> Iterator[str]:
    """A strong word after a word that hardly any other word ends in: thisgameisshit."""
    if word.category is Category.PROFANITY and word.severity is not Severity.MILD and not word.open_start:
        for said in _GLUED_TO:
            yield said + word.letters


def misread(letters: str) -> Iterator[str]:
    """With v for every u, or l for an i: what a harmless word is not written with by chance."""
    if len(letters) <= _SHORTEST:
        return
    if "u" in letters:
        yield letters.replace("u", "v")
    if "v" in letters:
        yield letters.replace("v", "u")
    for at, letter in enumerate(letters):
        if letter == "i":
            yield f"{letters[:at]}l{letters[at + 1 :]}"


def broken(letters: str) -> Iterator[tuple[str, ...]]:
    """In two pieces that are not both words, or, if short, in three."""
    if len(letters) < _SHORTEST:
        return
    for at in range(1, len(letters)):
        yield letters[:at], letters[at:]
    if len(letters) == _SHORTEST:
        yield letters[:2], letters[2], letters[3]
        yield letters[0], letters[1:3], letters[3]
        yield letters[0], letters[1], letters[2:]


def is_ordinary(pieces: Iterable[str]) -> bool:
    return all(piece in _ORDINARY for piece in pieces)


def with_holes(letters: str) -> Iterator[str]:
    """With spaces where signs that end words may stand for letters: vowels, c, l, t, or all but the ends."""
    if len(letters) < _SHORTEST:
        return
    holes = [at for at, letter in enumerate(letters) if at > 0 and (letter in VOWELS or letter in "clt")]
    for at in holes:
        if at < len(letters) - 1:
            yield f"{letters[:at]} {letters[at + 1 :]}"
    vowels = [at for at in holes if letters[at] in VOWELS]
    if len(vowels) > 1:
        yield "".join(" " if at in vowels else letter for at, letter in enumerate(letters))
    if letters.endswith("t"):
        yield letters[:-1]  # "shi+"
    for tail in ("ing", "in", "ed", "er", "ers", "y", letters[-1]):
        inner = len(letters) - 1 - len(tail)
        if letters.endswith(tail) and 2 <= inner <= 4:
            yield letters[0] + " " * inner + tail
            if inner == 2:
                yield letters[0] + " " * 3 + tail  # "f...k"


def spaced_starts(letters: str, *, foul: bool) -> Iterator[str]:
    """The first three letters set apart, by one sign or space or several; a foul word's perhaps disguised as well."""
    first, second, third = letters[0], letters[1], letters[2]
    for gap in (" ", "  ", "   "):
        yield f" {first}{gap}{second}{gap}{third} "
    if foul:
        for sign in ("0", "*", " "):
            yield f" {first} {sign} {third} "
            yield f" {first} {second} {sign} "
        if first in LEET_DIGITS:
            yield f" 0 {second} {third} "
        if first in _LEET_SIGNS:
            yield f" * {second} {third} "


def _covers(word: Word, letters: str) -> bool:
    if word.open_start and word.open_end:
        return word.letters in letters
    if word.open_start:
        return letters.endswith(word.letters)
    return letters.startswith(word.letters) if word.open_end else letters == word.letters


def _closed(letters: str, word: Word) -> Word:
    return Word(letters, word.canonical, word.category, word.severity, word.language, word.anywhere)
