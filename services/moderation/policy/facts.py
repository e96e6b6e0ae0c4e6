"""What a policy looks at: one revision of a review or comment, and what was found in it."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from services.moderation.engine.signal import Signal

CHANNELS: Final = ("api", "form", "ingest", "import")
KINDS: Final = ("review", "comment")
TEXT_FIELDS: Final = ("title", "text", "author_name", "pros", "cons")
"""Those that conditions may read."""
SIGNAL_FIELDS: Final = (*TEXT_FIELDS, "author_location")
NUMBERED_FIELDS: Final = ("additional_field.", "tag.", "photo_caption.", "video_caption.")
"""Where else signals may be: with the dimension's id, or the number of the photo or video from 1; tags have both."""


class Facts(NamedTuple):
    """The attributes are the fields of `review` in conditions; None becomes an empty text, or the rating 0.

    `rating` is None for content without one. It is here for the record and for policies of sites that want low and
    high ratings sampled alike; no rule of the default policy reads it, for moderation must not bend the average.
    `source` names the other system that the review came from. `author_known` is whether the author can be told from
    others. `is_recommended` and those after it are false, and numbers 0, where nothing was said of it. `left_out`
    counts signals beyond `signals`; no condition reads it: see `Policy.decide`.
    """

    rating: int | None
    locale: str | None
    require_approval: bool
    channel: str
    signals: tuple[Signal, ...]
    site: str = ""
    entity_id: str = ""
    source: str | None = None
    title: str | None = None
    text: str | None = None
    author_name: str | None = None
    revision: int = 1
    author_known: bool = False
    kind: str = "review"
    pros: str | None = None
    cons: str | None = None
    is_recommended: bool = False
    is_incentivized: bool = False
    is_syndicated: bool = False
    photos: int = 0
    videos: int = 0
    campaign_id: str | None = None
    left_out: int = 0

    @property
    def has_text(self) -> bool:
        """False for stars without a word."""
        return bool(self.title or self.text or self.pros or self.cons)

    @property
    def words(self) -> int:
        """Runs between white space, in title, text, pros and cons."""
        written = (self.title, self.text, self.pros, self.cons)
        return sum(len(text.split()) for text in written if text)

    @property
    def is_edit(self) -> bool:
        return self.revision > 1


def repeated(signals: Sequence[Signal]) -> tuple[bool, ...]:
    """Of each signal, whether one before it says the same: the same detector, category, severity and detail, or the
    same text in either case where there is no detail. What is not repeated counts different words.
    """
    if len(signals) < 2:
        return (False,) * len(signals)
    seen = set()
    flags = []
    for signal in signals:
        what = signal.detail if signal.detail is not None else signal.matched.casefold()
        same = signal.detector, signal.category, signal.severity, what
        flags.append(same in seen)
        seen.add(same)
    return tuple(flags)
