import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.moderation.engine.context import NO_CONTEXT, Context
from services.moderation.engine.links import find_links
from services.moderation.engine.passage import Passage
from services.moderation.engine.tlds import host_end, top_level_domains


def found(text: str, context: Context = NO_CONTEXT) -> list[str]:
    return [signal.matched for signal in find_links(Passage("text", text), context)]


@pytest.mark.parametrize(
    "link",
    ["https://t.co/xyz", "www.example.org/a?b=c", "bit.ly/abc", "Amazon.com", "shop.example.co.uk", "example dot com",
     "my.site/offer", "hxxp://evil.example/x", "evil[.]com", "tinyurl(dot)com/x", "kidsmediausa  . com", "amazon.it",
     "www.youtube. com/watch?v=TQ", "www . site . com", "youtu.be/x", "t.me/foo", "müller.de", "https://例え.jp/x",
     "xn--80ak6aa92e.com", "163.com", "http://192.168.1.1:80/a", "http://[2001:db8::1]/path", "http://localhost:8080/x",
     "http://microsoft.vlaanderen", "wikipedia.org/wiki/Foo_(bar)", "ｗｗｗ．ｇｏｏｇｌｅ．ｃｏｍ", "Booking.com"],
)  # fmt: skip
def test_links(link: str) -> None:
    assert found(f"(see {link}).") == [link]


@pytest.mark.parametrize(
    "text",
    ["loved this dress.it fits", "loved it.is great", "e.g. this, i.e. that", "U.S. and U.K., 7 a.m. to 9 p.m.", "Ph.D",
     "version 3.5.co", "1.5in", "vs.", "No.1", "the end.So be it", "readme.txt setup.exe README.md setup.py install.sh",
     "ASP.NET and Node.js", "nothing to.complain", "layering...comfortable...i could", "polka dot dress",
     "the dot com bubble", "http://microsoft", "'www.microsoft'", "amazon.con", "this shirt.in fact", "foo@bar.com",
     "Gostei. com certeza volto", "J23.shoes still available", "look at this.it is"],
)  # fmt: skip
def test_ordinary_text_holds_none(text: str) -> None:
    assert found(text) == []


def test_words_that_are_endings_too_need_a_word_about_sites() -> None:
    assert found("visit foo.store today") == ["foo.store"]
    assert found("nice foo.store today") == []


def test_spanish_de_begins_sentences() -> None:
    assert found("bonito.de verdad", Context(locale="es-ES")) == []


def test_a_sentence_that_follows_without_a_blank_is_no_part() -> None:
    assert found("http://example.com.Please buy") == ["http://example.com"]


def test_hosts_end_in_a_known_top_level_domain() -> None:
    assert {"com", "museum", "xn--p1ai", "рф"} <= top_level_domains()
    assert host_end("example.com") == len("example.com")
    assert host_end("example.nosuchthing") == 0


@given(st.text(alphabet="aw.:/ ()dotcmhp[]_-é。\u200b", max_size=80))
def test_places_are_of_the_source(text: str) -> None:
    for signal in find_links(Passage("text", text), NO_CONTEXT):
        assert signal.matched == text[signal.start : signal.end]
