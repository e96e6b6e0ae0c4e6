"""What docs/bazaarvoice.md lists is what the code has."""

from __future__ import annotations

import re
from pathlib import Path

from services.query.bazaarvoice.attributes import FILTERS, SORTS
from services.query.bazaarvoice.display import ENDPOINTS
from services.query.bazaarvoice.errors import Code
from services.query.bazaarvoice.filters import MAX_FILTERS, MAX_VALUES
from services.query.bazaarvoice.jsonp import MAX_CALLBACK
from services.query.bazaarvoice.paging import DEFAULT_LIMIT, MAX_INCLUDED_LIMIT, MAX_LIMIT, MAX_OFFSET
from services.query.bazaarvoice.parameters import MAX_FIELDS
from services.query.bazaarvoice.question import MAX_PRODUCTS
from services.query.bazaarvoice.searches import MAX_SEARCH, MAX_WORDS
from services.query.bazaarvoice.sorts import MAX_SORTS
from services.query.core.query import Subject
from tests.bazaarvoice_differences import DIFFERENCES

TEXT = (Path(__file__).parents[2] / "docs" / "bazaarvoice.md").read_text()


def table(name: str) -> list[list[str]]:
    block = re.search(f"<!-- {name} -->\n(.*?)<!-- /{name} -->", TEXT, re.DOTALL)
    assert block is not None, name
    return [[cell.strip() for cell in row.split("|")[1:-1]] for row in block[1].splitlines()[2:]]


def test_attributes() -> None:
    names = sorted({name for names in (*FILTERS.values(), *SORTS.values()) for name in names})
    assert table("bazaarvoice attributes") == [
        [
            f"`{name}`",
            *(
                ", ".join(word for word, known in (("filter", FILTERS), ("sort", SORTS)) if name in known[subject])
                for subject in Subject
            ),
        ]
        for name in names
    ]


def test_differences() -> None:
    assert table("bazaarvoice differences") == [[f"`{one.place}`", one.what, one.reason] for one in DIFFERENCES]


def test_limits() -> None:
    numbers = [[default, most] for _, default, most in table("bazaarvoice limits")]
    assert numbers == [
        [str(DEFAULT_LIMIT), str(MAX_LIMIT)],
        [str(DEFAULT_LIMIT), str(MAX_INCLUDED_LIMIT)],
        ["0", str(MAX_OFFSET)],
        ["", str(MAX_FILTERS)],
        ["", str(MAX_VALUES)],
        ["", str(MAX_SORTS)],
        ["", str(MAX_WORDS)],
        ["", str(MAX_SEARCH)],
        ["all that are named", str(MAX_PRODUCTS)],
        ["", str(MAX_FIELDS)],
        ["", str(MAX_CALLBACK)],
    ]


def test_endpoints() -> None:
    assert set(re.findall(r"`GET /data/(\w+\.json)`", TEXT)) == ENDPOINTS


def test_codes_are_the_vendors() -> None:
    named = set(re.findall(r"`(ERROR_[A-Z_]+)`", TEXT))
    assert named <= set(Code)
    # The rest is of submissions.
    assert set(Code) - named == {
        Code.ACCESS_DENIED,
        Code.DUPLICATE_SUBMISSION,
        Code.INVALID_SUBJECT_ID,
        Code.MISSING_USER_ID,
        Code.PARAM_DUPLICATE_SUBMISSION,
    }
