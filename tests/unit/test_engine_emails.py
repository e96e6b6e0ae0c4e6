import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.moderation.engine.context import NO_CONTEXT
from services.moderation.engine.emails import find_emails
from services.moderation.engine.passage import Passage


def found(text: str) -> list[str]:
    return [signal.matched for signal in find_emails(Passage("text", text), NO_CONTEXT)]


@pytest.mark.parametrize(
    "address",
    ["a.b+c@x-y.co.uk", "JOE@EXAMPLE.COM", "name at gmail dot com", "VBoston at aol.com", "joe (at) example.org",
     "joe [at] example [dot] org", "joe＠example.org", "jürgen@müller.de", "name@ gmail . com", "Neeru105@ gmail.com",
     "x (at) y (dot) com", "john dot doe at gmail dot com", "a@xn--d1acufc.xn--p1ai", "joe_at_example_dot_com",
     "joe\u200b@exa\u200bmple.com", "𝓳𝓸𝓮@𝓰𝓶𝓪𝓲𝓵.𝓬𝓸𝓶", "juan arroba gmail punto com", "jo.smith @ hotmail . co . uk",
      "joe.doe {at} web {dot} de"],
)  # fmt: skip
def test_addresses(address: str) -> None:
    assert found(f"Write: {address}.") == [address]


@pytest.mark.parametrize(
    "text",
    ["great @ home", "$5@each", "5'4\" @145 lbs", "contact at work", "Look at gmail.com", "Saw it at yahoo.com",
     "info@presidio.", "hello-world here", "see you @ home. com a", "I bought it at amazon dot com",
     "small at this point in time", "https://medium.com/@user", "ftp://user:pass@host.com/x", "ping user@10.0.0.1"],
)  # fmt: skip
def test_ordinary_text_holds_none(text: str) -> None:
    assert found(text) == []


def test_a_sentence_that_follows_without_a_blank_is_no_part() -> None:
    assert found("joe@example.com.Please write, or joe@gmail.com.it works") == ["joe@example.com", "joe@gmail.com"]


def test_detail_is_the_plain_address() -> None:
    (signal,) = find_emails(Passage("text", "to John dot Doe [at] Gmail (dot) com"), NO_CONTEXT)
    assert signal.detail == "john.doe@gmail.com"
    assert signal.confidence < 1


@given(st.text(alphabet="a@. (at)dot[]gmail.com＠\u200bé\ud800", max_size=80))
def test_places_are_of_the_source(text: str) -> None:
    for signal in find_emails(Passage("text", text), NO_CONTEXT):
        assert signal.matched == text[signal.start : signal.end]
        assert 0 < signal.confidence <= 1
