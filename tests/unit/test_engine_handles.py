import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.moderation.engine.context import NO_CONTEXT
from services.moderation.engine.handles import find_handles
from services.moderation.engine.passage import Passage


def found(text: str) -> list[tuple[str, str | None]]:
    return [(signal.matched, signal.detail) for signal in find_handles(Passage("text", text), NO_CONTEXT)]


@pytest.mark.parametrize(
    ("text", "handle", "network"),
    [
        ("thanks @joe_doe!", "@joe_doe", "mention"),
        ("Follow me on Twitter @mscal95", "Twitter @mscal95", "twitter"),
        ("insta: jane.doe", "insta: jane.doe", "instagram"),
        ("add me on snapchat foo", "snapchat foo", "snapchat"),
        ("telegram @xyz", "telegram @xyz", "telegram"),
        ("kik: foobar", "kik: foobar", "kik"),
        ("my discord foo#1234", "my discord foo#1234", "discord"),
        ("wechat id foo99", "wechat id foo99", "wechat"),
        ("加微信 abc12345", "微信 abc12345", "wechat"),
        ("follow me on instagram boss286", "instagram boss286", "instagram"),
        ("whatsapp me", "whatsapp me", "private message"),
        ("please subscribe to my youtube channel", "subscribe to my youtube channel", "channel"),
        ("follow us on instagram", "follow us on instagram", "instagram"),
    ],
)
def test_handles(text: str, handle: str, network: str) -> None:
    assert found(text) == [(handle, network)]


@pytest.mark.parametrize(
    "text",
    ["saw it on instagram", "my instagram feed", "great @ work",
     "i love @home", "I use Skype for calls", "snap closures",
     "Instagram won't open", "snap: broken button", "facebook: great app", "write me@x.com",
     "can't log in to my facebook account",
     "I follow instagram models", "posted on facebook and twitter", "Whatsapp works fine"],
)  # fmt: skip
def test_talk_about_networks(text: str) -> None:
    assert found(text) == []


@given(st.text(alphabet="@instakmyfolwe :#1_微信＠", max_size=80))
def test_places_are_of_the_source(text: str) -> None:
    for signal in find_handles(Passage("text", text), NO_CONTEXT):
        assert signal.matched == text[signal.start : signal.end]
