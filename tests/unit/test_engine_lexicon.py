import pytest

from services.moderation.engine.engine import Engine
from services.moderation.engine.signal import Category, Detector, Severity, Signal

ENGINE = Engine.default()


def words(text: str) -> list[Signal]:
    return [signal for signal in ENGINE.analyse({"text": text}) if signal.detector is Detector.LEXICON]


@pytest.mark.parametrize(
    "text",
    [
        "Scunthorpe", "assess the class", "a cocktail in Essex", "stroke of luck", "strip of LEDs", "the pen is good",
        "oh my god", "shiitake and shitake", "raccoons", "suspicious", "Libshitz", "mishit", "let's hit it",
        "size 4 us, 34b, 115lbs", "Galaxy A55", "5'4\" tall", "4** hotel", "A* grade", "C++ and C#", "R&B, H&M, F&G",
        "sooo good", "goood", "helloooo", "I am a b c d e f", "U S A S S", "p@ssword", "spick and span", "Maine coon",
        "раз два сосок", "a hell of my own", "soft nude panties, sexy",
    ],
)  # fmt: skip
def test_innocent_text_passes(text: str) -> None:
    assert words(text) == []


@pytest.mark.parametrize(
    "disguise",
    [
        "fucking", "fucked", "Fuckerberg", "shitty", "bitches", "f*ck", "f**k", "f***", "f#ck", "f@#k", "sh!t", "$hit",
        "sh1t", "5hit", "shi+", "b1tch", "a$$hole", "assho1e", "bu11shit", "m0th3rf*cker", "fuuuck", "FUCKKKK",
        "shiiiit", "f u c k", "f.u.c.k", "f-u-c-k", "F_U_C_K", "s h i t", "ѕhіt", "fuск", "fück", "f\u200buck",
        "f\u0308u\u0308c\u0308k\u0308", "ass\u00adhole", "ｆｕｃｋ", "𝐟𝐮𝐜𝐤", "🅵🆄🅲🅺", "sh¡t", "phuck", "son-of-a-bitch",
    ],
)  # fmt: skip
def test_disguised_strong_words_are_found_where_they_stand(disguise: str) -> None:
    text = f"Well, {disguise} it is."
    [signal] = words(text)
    assert signal.severity is Severity.STRONG
    assert (signal.matched, signal.start) == (disguise, 6)


@pytest.mark.parametrize("text", ["sh!t!", "(shit)", "shit.", "shit!!!", "*shit*", "_shit_", "shit💩"])
def test_punctuation_around_a_word_is_not_part_of_it(text: str) -> None:
    assert [signal.matched.replace("!", "i") for signal in words(text)] == ["shit"]


@pytest.mark.parametrize(
    ("text", "category", "severity"),
    [
        ("What the hell", Category.PROFANITY, Severity.MILD),
        ("such crap", Category.PROFANITY, Severity.MILD),
        ("a$$", Category.PROFANITY, Severity.MILD),
        ("d**n", Category.PROFANITY, Severity.MILD),
        ("nice b00bs", Category.SEXUAL, Severity.MILD),
        ("you retard", Category.SLUR, Severity.STRONG),
        ("n1gger", Category.SLUR, Severity.SEVERE),
        ("a chink in it", Category.SLUR, Severity.MILD),
    ],
)
def test_grades(text: str, category: Category, severity: Severity) -> None:
    assert [(signal.category, signal.severity) for signal in words(text)] == [(category, severity)]


def test_a_phrase_is_found_across_punctuation_and_line_breaks() -> None:
    assert [signal.matched for signal in words("a blow \n - job.")] == ["blow \n - job"]


def test_of_overlapping_words_the_gravest_is_reported() -> None:
    assert [signal.matched for signal in words("son of a bitch")] == ["son of a bitch"]
    assert [(signal.matched, signal.severity) for signal in words("as hell shit")] == [
        ("as hell", Severity.MILD),
        ("shit", Severity.STRONG),
    ]


def test_an_l_is_read_only_where_the_sign_looks_like_one() -> None:
    assert words("assho1e")
    assert words("asshoie 5ize") == []
