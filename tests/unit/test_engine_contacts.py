import pytest

from services.moderation.engine.engine import Engine
from services.moderation.engine.signal import Category, Detector

ENGINE = Engine.default()


def found(text: str) -> list[tuple[Detector, str]]:
    return [
        (signal.detector, signal.matched)
        for signal in ENGINE.analyse({"text": text})
        if signal.category in (Category.CONTACT, Category.LINK)
    ]


@pytest.mark.parametrize(
    "address",
    ["a.b+c@x-y.co.uk", "JOE@EXAMPLE.COM", "name at gmail dot com", "VBoston at aol.com", "joe (at) example.org",
     "joe [at] example [dot] org", "joe＠example.org", "jürgen@müller.de"],
)  # fmt: skip
def test_emails(address: str) -> None:
    assert found(f"Write: {address}.") == [(Detector.EMAIL, address)]


@pytest.mark.parametrize("number", ["(212) 555-0123", "212-736-5000", "+44 20 7946 0958", "020 7946 0958"])
def test_phones(number: str) -> None:
    assert found(f"Call {number} now") == [(Detector.PHONE, number)]


@pytest.mark.parametrize(
    "link",
    ["https://t.co/xyz", "www.example.org/a?b=c", "bit.ly/abc", "Amazon.com", "shop.example.co.uk", "example dot com",
     "my.site/offer", "hxxp://evil.example/x"],
)  # fmt: skip
def test_links(link: str) -> None:
    assert found(f"(see {link}).") == [(Detector.URL, link)]


@pytest.mark.parametrize(
    "text",
    ["loved this dress.it fits", "loved it.is great", "e.g. this, i.e. that", "7 a.m. to 9 p.m.", "version 3.5.co",
     "2019-05-12 10:15:00", "12/05/2019 - 15/06/2019", "sizes 0 2 4 6 8 10 12", "5'4\", 115 lbs, size 8, $45.50",
     "order 12345678", "look at the dot", "great @ home", "bought at the store (online)", "10:30-11:45"],
)  # fmt: skip
def test_ordinary_text_holds_no_address(text: str) -> None:
    assert found(text) == []


def test_a_shop_after_at_is_a_link_and_no_address_of_a_person() -> None:
    assert found("Saw it at yahoo.com") == [(Detector.URL, "yahoo.com")]


def test_mild_words_inside_an_address_are_no_words_but_strong_ones_stay() -> None:
    assert [signal.detector for signal in ENGINE.analyse({"text": "http://www.cum.qc.ca/"})] == [Detector.URL]
    assert Detector.LEXICON in {signal.detector for signal in ENGINE.analyse({"text": "www.fuck-you.com"})}
