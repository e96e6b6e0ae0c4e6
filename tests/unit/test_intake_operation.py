"""Operations of ingest topics: which there are, and how a record comes to one."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import BaseModel

from services.intake.ingest import Wanted, read
from services.intake.operation import Asked, Place, one_by_one
from services.intake.operations import OPERATIONS
from services.intake.refusal import Refusal, Refused
from shared.http.errors import ErrorCode
from shared.kafka.consumer import Failure
from tests.intake_world import ingest_record

NAMED = {"source": "shop", "source_id": "1"}
BODIES: dict[str, Any] = {
    "submit": {"rating": 5},
    "withdraw": NAMED,
    "set_reply": {**NAMED, "reply": {"text": "x"}},
    "remove_reply": NAMED,
    "comment": {"text": "x", "review_source": "shop", "review_source_id": "1"},
    "withdraw_comment": NAMED,
    "feedback": {**NAMED, "voter": {"id": "1"}, "kind": "helpfulness", "vote": "positive"},
}


@pytest.mark.parametrize("name", BODIES)
def test_a_record_comes_to_the_operation_that_it_names(name: str) -> None:
    wanted = read(ingest_record(3, {"operation": name, **BODIES[name]}), "shop-id")
    assert isinstance(wanted, Wanted)
    assert wanted.operation is OPERATIONS[name]
    assert isinstance(wanted.asked.body, OPERATIONS[name].body)
    assert (wanted.asked.by, wanted.asked.place) == ("from-shop", Place("from-shop", "shop-id:0:3"))


def test_a_record_that_names_none_submits() -> None:
    for body in (BODIES["submit"], {**BODIES["submit"], "text": '"operation"'}):
        wanted = read(ingest_record(0, body), "shop-id")
        assert isinstance(wanted, Wanted)
        assert wanted.operation is OPERATIONS["submit"]


@pytest.mark.parametrize("operation", ["explode", "", 7, None, ["submit"]])
def test_an_operation_that_there_is_not_is_refused(operation: Any) -> None:
    failure = read(ingest_record(0, {"operation": operation, "rating": 5}), "shop-id")
    assert isinstance(failure, Failure)
    assert failure.code == "VALIDATION_ERROR"
    assert "explode" not in failure.reason


class Number(BaseModel):
    number: int


async def test_one_by_one_goes_on_after_a_refusal_and_stops_at_a_fault() -> None:
    done: list[int] = []

    async def do(tx: Any, registry: Any, site: str, asked: Asked[Number]) -> None:
        if asked.body.number == 2:
            raise Refused(Refusal(ErrorCode.NOT_FOUND, "two"))
        if asked.body.number == 9:
            raise LookupError
        done.append(asked.body.number)

    def asked(*numbers: int) -> list[Asked[Number]]:
        return [Asked(Number(number=number), Place("t", "p"), "t", "trace") for number in numbers]

    nothing: Any = None
    refusals = await one_by_one(do)(nothing, nothing, "books", asked(1, 2, 3))
    assert [refusal and refusal.message for refusal in refusals] == [None, "two", None]
    assert done == [1, 3]
    with pytest.raises(LookupError):
        await one_by_one(do)(nothing, nothing, "books", asked(4, 9, 5))
    assert done == [1, 3, 4]
