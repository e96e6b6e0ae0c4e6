"""`Include=` and the parameters that act on what is included: `Filter_[TYPE]`, `Sort_[TYPE]` and their like."""

from __future__ import annotations

from services.query.bazaarvoice.errors import Code, refused
from services.query.bazaarvoice.filters import read_filters
from services.query.bazaarvoice.paging import MAX_INCLUDED_LIMIT, read_limit
from services.query.bazaarvoice.parameters import Parameters, shown
from services.query.bazaarvoice.searches import read_search
from services.query.bazaarvoice.sorts import read_sorts
from services.query.core.query import Condition, Include, Subject
from services.query.core.vocabulary import Vocabularies

TYPES = {
    "products": Subject.PRODUCTS,
    "categories": Subject.CATEGORIES,
    "authors": Subject.AUTHORS,
    "comments": Subject.COMMENTS,
    "reviews": Subject.REVIEWS,
}
_WORDS = {subject: (word,) for word, subject in TYPES.items()} | {
    # The vendor's own pages write both.
    Subject.COMMENTS: ("comments", "reviewcomments"),
}
# What the vendor has and we have none of: nothing of it is ever included.
_NONE_OF = frozenset({"questions", "answers", "stories"})


def read_includes(parameters: Parameters, primary: Subject, vocabularies: Vocabularies) -> tuple[Include, ...]:
    """Each subject once, in the order asked for. Raises Refused."""
    subjects: dict[Subject, None] = {}
    for item in parameters.items("include"):
        name = "comments" if item.lower() == "reviewcomments" else item.lower()
        if name in TYPES:
            subjects[TYPES[name]] = None
        elif name not in _NONE_OF:
            raise refused(Code.INVALID_INCLUDED, f"Invalid include of '{shown(item)}': send any of {', '.join(TYPES)}.")
    subjects.pop(primary, None)
    return tuple([_include(parameters, subject, vocabularies) for subject in subjects])


def _include(parameters: Parameters, subject: Subject, vocabularies: Vocabularies) -> Include:
    conditions = read_nested_filters(parameters, subject, vocabularies)
    order = read_sorts(_nested(parameters, "sort", subject), subject, vocabularies)
    limits = _nested(parameters, "limit", subject)
    limit = read_limit(limits[0] if limits else "", f"limit_{subject}", MAX_INCLUDED_LIMIT)
    searches = _nested(parameters, "search", subject)
    search = read_search(searches[0]) if searches else ()
    # A search overrides every sort.
    return Include(subject, conditions + search, () if search else order, limit)


def read_nested_filters(parameters: Parameters, subject: Subject, vocabularies: Vocabularies) -> tuple[Condition, ...]:
    return read_filters(_nested(parameters, "filter", subject), subject, vocabularies)


def _nested(parameters: Parameters, name: str, subject: Subject) -> list[str]:
    return [value for word in _WORDS[subject] for value in parameters.all(f"{name}_{word}")]
