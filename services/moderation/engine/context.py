"""What is known about a review beside its words, and about the site that it is for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from services.moderation.engine.site_words import NO_SITE_WORDS, SiteWords


@dataclass(frozen=True, slots=True)
class Context:
    """`locale` is BCP 47 as the sender declared it, None when unknown. `languages` are those that the site takes
    reviews in, as ISO 639-1 codes; empty is any. `rating` is from 1 to 5, None for content without one.
    """

    locale: str | None = None
    languages: frozenset[str] = frozenset()
    rating: int | None = None
    words: SiteWords = NO_SITE_WORDS

    @property
    def declared_language(self) -> str | None:
        """The language of `locale`: "en" of "en-GB"."""
        return self.locale.replace("_", "-").partition("-")[0].lower() if self.locale else None


NO_CONTEXT: Final = Context()
