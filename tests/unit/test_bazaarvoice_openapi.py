"""The OpenAPI description is as generated, says of every request what is read, and of every answer what is written."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import jsonschema
import orjson
import pytest

from services.query.bazaarvoice.attributes import FILTERS, SORTS
from services.query.bazaarvoice.conversations import SUBMISSION
from services.query.bazaarvoice.display import ENDPOINTS
from services.query.bazaarvoice.openapi import FILE, document, main, text
from services.query.bazaarvoice.question import SUBJECTS, Endpoint
from services.query.core.answers import ProductCounts
from services.query.core.query import Subject
from tests.bazaarvoice_examples import (
    FULL_REVIEW,
    GivenAnswers,
    author_row,
    category_row,
    comment_row,
    product_row,
    review_row,
    shown,
    statistics,
)


def test_the_file_is_as_generated() -> None:
    assert FILE.read_text() == text(), "run `python -m services.query.bazaarvoice.openapi`"


def test_the_command_writes_and_checks(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "openapi" / "bazaarvoice.json"
    assert main(["--check", "--file", str(file)]) == 1
    assert "not as generated" in capsys.readouterr().err
    assert main(["--file", str(file)]) == 0
    assert main(["--check", "--file", str(file)]) == 0
    file.write_text("{}")
    assert main(["--check", "--file", str(file)]) == 1


def test_every_endpoint_and_every_attribute_is_described() -> None:
    paths: Any = document()["paths"]
    assert {path.removeprefix("/data/") for path in paths if path.startswith("/data/")} == ENDPOINTS | SUBMISSION.keys()
    for endpoint, subject in SUBJECTS.items():
        parameters = {one["name"]: one["schema"] for one in paths[f"/data/{endpoint}"]["get"]["parameters"]}
        for name in FILTERS[subject]:
            assert name in parameters["Filter"]["items"]["pattern"]
        for name in SORTS[subject]:
            assert name in parameters["Sort"]["items"]["pattern"]
        relevancy = re.fullmatch(parameters["Sort"]["items"]["pattern"], "relevancy:a1")
        assert (relevancy is not None) is (subject is Subject.REVIEWS)
        assert re.fullmatch(parameters["Sort"]["items"]["pattern"], "Id:asc")


FULL = [FULL_REVIEW, review_row(), review_row(review_id=3, text=None, title=None, is_ratings_only=True)]
COUNTED = statistics(
    review_count=2,
    rating_sum=9,
    ratings=[0, 0, 0, 1, 1],
    first_date="2017-01-04T05:35:00+00:00",
    last_date="2017-01-05T05:35:00.5+00:00",
    secondary_ratings={"Fit": {"3": 2}},
    context_data={"Age": {"18to24": 1, "x": 1}},
    tags={"Pro": {"Soft": 2}},
)
BOTH = {"statistics": COUNTED, "filtered_statistics": statistics()}
ROWS = {
    Subject.REVIEWS: FULL,
    Subject.COMMENTS: [comment_row(), comment_row(comment_id=2, syndication=FULL_REVIEW["syndication"])],
    Subject.PRODUCTS: [product_row(**BOTH), product_row(product_id="2", brand=None, review_ids=[1], **BOTH)],
    Subject.CATEGORIES: [category_row()],
    Subject.AUTHORS: [author_row(**BOTH)],
}


@pytest.mark.parametrize("endpoint", sorted(ENDPOINTS))
async def test_answers_are_as_described(endpoint: str) -> None:
    described: Any = document()
    schema = described["paths"][f"/data/{endpoint}"]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
    validator = jsonschema.Draft202012Validator({**schema, "components": described["components"]})
    if endpoint == Endpoint.STATISTICS:
        counts = ProductCounts("P1", 2, 9, 0, 2, 9, 0)
        answer = await shown(
            endpoint,
            "Filter=ProductId:P1&Stats=Reviews,NativeReviews&IncentivizedStats=true",
            GivenAnswers(products=[counts]),
        )
        assert answer["Results"]
    else:
        subject = SUBJECTS[Endpoint(endpoint)]
        reader = GivenAnswers(rows=ROWS[subject], included={one: rows for one, rows in ROWS.items() if one != subject})
        answer = await shown(
            endpoint, "Stats=Reviews&FilteredStats=Reviews&IncentivizedStats=true&Attributes=ModeratorCodes", reader
        )
        assert len(answer["Includes"]) == 8
    validator.validate(answer)
    validator.validate(await shown(endpoint, "Filter=Nothing:1&Limit=1000"))
    # A member that nobody described is noticed.
    answer["Results"][0]["Secret"] = 1
    assert not validator.is_valid(orjson.loads(orjson.dumps(answer)))
