import pytest

from services.moderation.engine.context import Context
from services.moderation.engine.lexicon import Lexicon
from services.moderation.engine.passage import Passage
from services.moderation.engine.signal import Category, Detector, Severity, Signal
from services.moderation.engine.site_words import SiteWords


def words(text: str, site: SiteWords) -> list[Signal]:
    return Lexicon.default().find(Passage("text", text), Context(words=site))


SITE = SiteWords.compile(
    added=[
        ("grommit(|s)", Category.INSULT, Severity.STRONG),
        ("made in mordor", Category.PROFANITY, Severity.MILD),
        ("垃圾", Category.PROFANITY, Severity.MILD),
        ("негодяй", Category.INSULT, Severity.MILD),
    ],
    removed=["crap(|py)", "son of a bitch"],
    allowed=["fuck cancer"],
    competitors=["Acme", "Foo Brothers"],
)


@pytest.mark.parametrize("text", ["you grommit", "GR0MM1TS!", "g.r.o.m.m.i.t", "grooommit", "gr*mmit", "grоmmit"])
def test_added_words_are_found_in_any_disguise(text: str) -> None:
    [signal] = words(text, SITE)
    assert (signal.category, signal.severity) == (Category.INSULT, Severity.STRONG)
    assert signal.detail in ("grommit", "grommits")


def test_added_phrases_and_words_of_other_alphabets_are_found() -> None:
    assert [signal.matched for signal in words("was made\n in  mordor", SITE)] == ["made\n in  mordor"]
    assert [signal.matched for signal in words("какой Негодяй!", SITE)] == ["Негодяй"]
    assert [(signal.matched, signal.start) for signal in words("这个垃圾货!", SITE)] == [("垃圾", 2)]


def test_removed_words_do_not_count_and_others_still_do() -> None:
    assert [signal.matched for signal in words("what crap, crappy son of a bitch", SITE)] == ["bitch"]
    assert words("what a crap", SiteWords.compile()) != []


def test_allowed_phrases_let_words_pass_inside_them_only() -> None:
    assert words("Fuck cancer!", SITE) == []
    assert {signal.start for signal in words("fuck cancer, not fuck", SITE)} == {17}


def test_competitors_are_named() -> None:
    found = SITE.find_competitors(Passage("text", "Cheaper at ACME and at foo brothers."))
    assert [(signal.detector, signal.matched, signal.detail) for signal in found] == [
        (Detector.COMPETITOR, "ACME", "Acme"),
        (Detector.COMPETITOR, "foo brothers", "Foo Brothers"),
    ]
    assert SITE.find_competitors(Passage("text", "an acmeist foo")) == []


def test_a_bad_entry_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match=r"'a\(b'.*add the '\)'"):
        SiteWords.compile(added=[("a(b", Category.INSULT, Severity.MILD)])
