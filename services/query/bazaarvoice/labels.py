"""One locale's vocabulary, arranged for rendering: what a dimension is called, and which comes before which."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from shared.events.vocabulary import BadgeTerm, Vocabulary

Json = dict[str, object]

DEFAULT_RANGE = 5
_KEPT = 10_000
_UNKNOWN: Json = {"ValueRange": DEFAULT_RANGE, "MinLabel": None, "MaxLabel": None, "DisplayType": "NORMAL"}


@dataclass(frozen=True, slots=True)
class Term:
    """`fixed` is what every answer says of a secondary rating besides its label."""

    label: str | None
    values: Mapping[str, str]
    fixed: Json
    content_type: str | None = None
    """Of a badge that says it by itself, wherever it is shown."""


@dataclass(frozen=True, slots=True)
class Terms:
    """Of one kind of dimension."""

    terms: Mapping[str, Term]
    rendered: dict[tuple[str, object], Json] = field(default_factory=dict)
    """Members of answers by dimension and value: most reviews say one of the same few things."""

    def of(self, dimension: str) -> Term:
        return self.terms.get(dimension, _NO_TERM)

    def ordered(self, ids: Mapping[str, object]) -> list[str]:
        return ordered(ids, self.terms)

    def keep(self, dimension: str, value: object, member: Json) -> Json:
        """The member, which nobody may change from now on."""
        if len(self.rendered) < _KEPT:
            self.rendered[dimension, value] = member
        return member


@dataclass(frozen=True, slots=True)
class Labels:
    locale: str
    """The one asked for, as the vendor writes it: what else is in several locales goes by it."""
    secondary_ratings: Terms
    context_data: Terms
    tags: Terms
    additional_fields: Terms
    badges: Terms


_NO_TERM = Term(None, {}, _UNKNOWN)


def ordered(ids: Mapping[str, object], first: Iterable[str]) -> list[str]:
    """Those that come first as they do there, then the rest by code points."""
    found = [one for one in first if one in ids]
    if len(found) < len(ids):
        known = frozenset(found)
        found += sorted(one for one in ids if one not in known)
    return found


def arrange(vocabulary: Vocabulary, locale: str) -> Labels:
    secondary = {
        term.id: Term(
            term.label,
            term.value_labels,
            {
                "ValueRange": term.range,
                "MinLabel": term.min_label,
                "MaxLabel": term.max_label,
                "DisplayType": term.display_type,
            },
        )
        for term in vocabulary.secondary_ratings
    }
    context = {term.id: Term(term.label, term.value_labels, {}) for term in vocabulary.context_data}
    tags = {term.id: Term(term.label, term.value_labels, {}) for term in vocabulary.tags}
    fields = {term.id: Term(term.label, {}, {}) for term in vocabulary.additional_fields}
    badges = {term.id: Term(term.label, {}, {}, _content_type(term)) for term in vocabulary.badges}
    return Labels(locale, Terms(secondary), Terms(context), Terms(tags), Terms(fields), Terms(badges))


def _content_type(term: BadgeTerm) -> str | None:
    # A vocabulary that says nothing of it says the default; the vendor's badges then are of what they are shown on.
    return term.content_type if term.content_type != BadgeTerm.model_fields["content_type"].default else None
