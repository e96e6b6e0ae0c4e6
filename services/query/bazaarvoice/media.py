"""Photos and videos of a submission, in intake's words."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import parse_qs, urlsplit

from services.query.bazaarvoice.fields import Value
from shared.events.content import MAX_MEDIA

_YOUTUBE = frozenset({"youtube.com", "www.youtube.com", "m.youtube.com", "youtu.be", "www.youtube-nocookie.com"})


def photos(values: Mapping[str, Value]) -> list[dict[str, object]]:
    return [_part(values, "photo", number) for number in _numbers(values, "photo")]


def videos(values: Mapping[str, Value]) -> list[dict[str, object]]:
    return [
        _part(values, "video", number) | _host(str(values[f"videourl_{number}"]))
        for number in _numbers(values, "video")
    ]


def _numbers(values: Mapping[str, Value], kind: str) -> list[int]:
    return [number for number in range(MAX_MEDIA + 1) if f"{kind}url_{number}" in values]


def _part(values: Mapping[str, Value], kind: str, number: int) -> dict[str, object]:
    part: dict[str, object] = {"url": values[f"{kind}url_{number}"]}
    caption = values.get(f"{kind}caption_{number}")
    return part if caption is None else part | {"caption": caption}


def _host(url: str) -> dict[str, object]:
    """What a page needs to show the video; more than its host only where the host is known here."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        return {}
    if host not in _YOUTUBE:
        return {"host": host} if host else {}
    segments = [segment for segment in parts.path.split("/") if segment]
    named = parse_qs(parts.query).get("v", [""])[0]
    video = named or (segments[-1] if segments else "")
    if not (video.isascii() and video.replace("-", "").replace("_", "").isalnum() and len(video) <= 20):
        return {"host": host}
    return {
        "host": "www.youtube.com",
        "id": video,
        "iframe_url": f"https://www.youtube.com/embed/{video}",
        "thumbnail_url": f"https://img.youtube.com/vi/{video}/0.jpg",
    }
