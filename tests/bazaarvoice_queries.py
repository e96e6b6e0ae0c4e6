"""Query strings as storefronts, mistyping people and strangers send them to the display endpoints."""

from __future__ import annotations

from urllib.parse import quote_plus

from hypothesis import strategies as st

from services.query.bazaarvoice.attributes import DYNAMIC, FILTERS, SORTS
from services.query.bazaarvoice.filters import OPERATORS
from services.query.bazaarvoice.includes import TYPES
from services.query.bazaarvoice.sorts import ALGORITHMS, RELEVANCY
from services.query.core.query import Kind, Subject, kind_of

ATTRIBUTES = sorted({name for names in (*FILTERS.values(), *SORTS.values()) for name in names}) + [
    f"{prefix}{name}" for prefix in DYNAMIC for name in ("Age", "quality", "PRO", "Height", "none")
]
PLAIN = ["apiversion", "limit", "offset", "search", "include", "stats", "filteredstats", "incentivizedstats"]
PLAIN += ["attributes", "excludefamily", "locale", "callback", "passkey", "filter", "sort"]
NAMES = st.sampled_from(
    PLAIN + [f"{name}_{of}" for name in ("filter", "sort", "limit", "search") for of in (*TYPES, "reviewcomments", "x")]
)
TEXT = st.text(max_size=12) | st.sampled_from(
    ["5.4", "true", "", "0", "20", "300000", "-1", "1257746400123", "en*", "null"]
)
WORDS = st.sampled_from([*TYPES, "Reviews", "NativeReviews", "ModeratorCodes", "questions", "x", "fn.a", "en_US"])
FILTER = st.builds(
    lambda attribute, operator, values: ":".join([attribute, *operator, ",".join(values)]),
    st.sampled_from(ATTRIBUTES) | TEXT,
    st.lists(st.sampled_from([*OPERATORS, "asc", "desc", "EQ", "x"]), max_size=2),
    st.lists(TEXT, max_size=3),
)
PAIRS = st.lists(st.tuples(NAMES, FILTER | TEXT | WORDS | st.lists(WORDS, max_size=3).map(",".join)), max_size=8)
QUERIES = (
    st.binary(max_size=200)
    | PAIRS.map(
        lambda pairs: "&".join(f"{name}={quote_plus(value, errors='replace')}" for name, value in pairs).encode()
    )
    | PAIRS.map(lambda pairs: "&".join(f"{name}={value}" for name, value in pairs).encode(errors="replace"))
).map(lambda query: query if query.startswith(b"\xff") else b"apiversion=5.4&" + query)


VALUES: dict[Kind, st.SearchStrategy[str]] = {
    Kind.INTEGER: st.integers(-1, 7).map(str) | st.sampled_from(["3.5", "-0.5", "4.0", "11111111111111111111"]),
    Kind.NUMBER: st.sampled_from(["0", "3.5", "4", "5"]),
    Kind.BOOLEAN: st.sampled_from(["true", "False", "TRUE"]),
    Kind.TIME: st.integers(1767225600, 1768000000).map(str) | st.integers(1767225600000, 1768000000000).map(str),
    Kind.TEXT: st.sampled_from(
        [
            "a",
            "B",
            "b",
            "x\\:1\\,2",
            "ä",
            "anna",
            "Oslo",
            "en*",
            "en_GB",
            "*",
            "null",
            "shirts",
            "Shirt",
            "spring",
            "CR",
        ]
    ),
}
SWITCHES = ["Stats=Reviews", "FilteredStats=Reviews", "IncentivizedStats=true", "ExcludeFamily=true"]
SWITCHES += ["Attributes=ModeratorCodes", "Search=fits", "Callback=a.b"]


def _filter(subject: Subject) -> st.SearchStrategy[str]:
    named = st.sampled_from(sorted(FILTERS[subject].items())).flatmap(
        lambda one: st.tuples(st.just(one[0]), st.lists(VALUES[kind_of(one[1])], min_size=1, max_size=3))
    )
    return st.builds(
        lambda one, operator: f"{one[0]}:{operator}:{','.join(one[1])}", named, st.sampled_from(sorted(OPERATORS))
    )


def _sort(subject: Subject) -> st.SearchStrategy[str]:
    terms = st.tuples(st.sampled_from(sorted(SORTS[subject])), st.sampled_from(["asc", "desc"])).map(":".join)
    if subject is Subject.REVIEWS:
        terms |= st.sampled_from(ALGORITHMS).map(lambda one: f"{RELEVANCY}:{one}")
    return st.lists(terms, min_size=1, max_size=3).map(",".join)


def _of(subject: Subject, suffix: str, most: int) -> st.SearchStrategy[list[str]]:
    """What a request says of one kind of content."""
    filters = st.lists(_filter(subject).map(lambda one: f"Filter{suffix}={quote_plus(one)}"), max_size=2)
    sorts = st.lists(_sort(subject).map(lambda one: f"Sort{suffix}={one}"), max_size=1)
    limits = st.lists(st.integers(0, most).map(lambda one: f"Limit{suffix}={one}"), max_size=1)
    return st.tuples(filters, sorts, limits).map(lambda parts: [one for part in parts for one in part])


def good_queries(subject: Subject) -> st.SearchStrategy[str]:
    """Everything that a request may say, and nothing wrong."""
    includes = st.lists(st.sampled_from(sorted(TYPES)), unique=True, max_size=3)
    return st.tuples(
        _of(subject, "", 100),
        includes.map(lambda names: [f"Include={','.join(names)}"]),
        st.tuples(*(st.just([]) | _of(TYPES[name], f"_{name}", 20) for name in sorted(TYPES))).map(
            lambda parts: [one for part in parts for one in part]
        ),
        st.lists(st.sampled_from(SWITCHES), unique=True, max_size=4),
        st.lists(st.integers(0, 30).map(lambda offset: f"Offset={offset}"), max_size=1),
    ).map(lambda parts: "&".join(one for part in parts for one in part))
