from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.query.bazaarvoice.fields import Value
from services.query.bazaarvoice.media import photos, videos

YOUTUBE = {
    "host": "www.youtube.com",
    "id": "dQw4w9WgXcQ",
    "iframe_url": "https://www.youtube.com/embed/dQw4w9WgXcQ",
    "thumbnail_url": "https://img.youtube.com/vi/dQw4w9WgXcQ/0.jpg",
}


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://www.youtube.com/watch?v=dQw4w9WgXcQ", YOUTUBE),
        ("https://m.youtube.com/watch?list=x&v=dQw4w9WgXcQ", YOUTUBE),
        ("https://youtu.be/dQw4w9WgXcQ", YOUTUBE),
        ("https://WWW.YouTube.com/embed/dQw4w9WgXcQ", YOUTUBE),
        ("https://www.youtube.com/watch?v=a%22onload", {"host": "www.youtube.com"}),
        ("https://www.youtube.com/", {"host": "www.youtube.com"}),
        ("https://video.example/1", {"host": "video.example"}),
        ("https://[", {}),
    ],
)
def test_hosts_that_are_known(url: str, host: dict[str, object]) -> None:
    assert videos({"videourl_1": url}) == [{"url": url, **host}]


def test_numbers_may_have_gaps_and_captions_need_something_to_stand_under() -> None:
    values: dict[str, Value] = {
        "photourl_3": "https://img.example/3.jpg",
        "photocaption_3": "Back",
        "photocaption_1": "Nothing",
    }
    assert photos(values) == [{"url": "https://img.example/3.jpg", "caption": "Back"}]


def test_numbers_begin_at_0_or_1() -> None:
    values: dict[str, Value] = {f"photourl_{number}": f"https://img.example/{number}.jpg" for number in (10, 1, 0)}
    assert [photo["url"] for photo in photos(values)] == [f"https://img.example/{number}.jpg" for number in (0, 1, 10)]
    assert videos({"videourl_0": "https://video.example/1"}) == [
        {"url": "https://video.example/1", "host": "video.example"}
    ]


@given(st.text())
def test_any_address(url: str) -> None:
    (video,) = videos({"videourl_1": url})
    assert video["url"] == url
