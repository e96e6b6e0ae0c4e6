"""Vocabularies of a site as its readers see them: labels by locale, and the names of dynamic attributes."""

from __future__ import annotations

from collections.abc import Mapping

from services.query.core.query import Dimension, Dynamic
from shared.events.vocabulary import DEFAULT_LOCALE, Vocabulary

EMPTY = Vocabulary()


class Vocabularies:
    """All of one site. Ids resolve by any locale's vocabulary; labels come from one."""

    def __init__(self, by_locale: Mapping[str, Vocabulary]) -> None:
        self._by_locale = {_key(locale): vocabulary for locale, vocabulary in by_locale.items()}
        self._ids: dict[tuple[Dimension, str], str] = {}
        # The default's first: where two locales spell an id differently, its spelling is the one that counts.
        for locale in sorted(self._by_locale, key=lambda locale: (locale != DEFAULT_LOCALE, locale)):
            vocabulary = self._by_locale[locale]
            for dimension, terms in (
                (Dimension.SECONDARY_RATING, vocabulary.secondary_ratings),
                (Dimension.CONTEXT_DATA, vocabulary.context_data),
                (Dimension.TAG, vocabulary.tags),
                (Dimension.ADDITIONAL_FIELD, vocabulary.additional_fields),
            ):
                for term in terms:
                    self._ids.setdefault((dimension, term.id.lower()), term.id)

    def resolve(self, dimension: Dimension, name: str) -> Dynamic | None:
        """The attribute of that name in any case; None when no vocabulary of the site has it."""
        found = self._ids.get((dimension, name.lower()))
        return None if found is None else Dynamic(dimension, found)

    def of(self, locale: str | None) -> Vocabulary:
        """The locale's own vocabulary (`en_GB` and `en-gb` are the same), else the default one, else an empty one."""
        own = None if locale is None else self._by_locale.get(_key(locale))
        return own or self._by_locale.get(DEFAULT_LOCALE) or EMPTY


def _key(locale: str) -> str:
    return locale.replace("-", "_").lower()
