from __future__ import annotations

from random import Random

from services.query.bazaarvoice.anonymous import with_authors
from services.query.core.answers import Answer, Row
from services.query.core.query import Compare, Field, Include, Op, Page, Query, Subject
from tests.bazaarvoice_examples import GivenAnswers, author_row, comment_row, review_row, shown
from tests.query_reference import statistics
from tests.query_world import world

R, C, A = Subject.REVIEWS, Subject.COMMENTS, Subject.AUTHORS
INCLUDE = (Include(C), Include(A))


def answer(reviews: list[Row], comments: list[Row], authors: list[Row]) -> Answer:
    return Answer(True, len(reviews), reviews, {C: comments, A: authors})


def test_who_is_known_stays_who_they_are() -> None:
    found = answer([review_row()], [comment_row()], [author_row()])
    assert with_authors(found, Query(R, "shop", Page(10), includes=INCLUDE)) is found


def test_every_content_has_an_author_who_is_included() -> None:
    known = review_row(review_id=3)
    found = with_authors(
        answer([review_row(review_id=2, author_id=None), known], [comment_row(comment_id=5, author_id=None)], []),
        Query(R, "shop", Page(10), includes=INCLUDE),
    )
    assert [row["author_id"] for row in found.rows] == ["anonymous-2", known["author_id"]]
    assert [row["author_id"] for row in found.included[C]] == ["anonymous-5"]
    assert [row["author_id"] for row in found.included[A]] == ["anonymous-2", "anonymous-5"]


def test_authors_with_a_condition_are_those_that_are_known() -> None:
    only = Include(A, (Compare(Field.AUTHOR_NAME, Op.IN, ("Jane",)),))
    found = with_authors(
        answer([review_row(author_id=None)], [], []), Query(R, "shop", Page(10), includes=(Include(C), only))
    )
    assert found.included[A] == []
    assert found.rows[0]["author_id"] is not None


def test_their_statistics_are_those_of_their_one_review() -> None:
    rows = world(Random(4), reviews=60).reviews
    public = [row | {"author_id": None, "review_date": row["review_date"].isoformat()} for row in rows]
    query = Query(R, "shop", Page(100), includes=INCLUDE, statistics=True, filtered_statistics=True)
    found = with_authors(answer(public, [], []), query)
    assert len(found.included[A]) == len(rows)
    for row, author in zip(rows, found.included[A], strict=True):
        assert author["statistics"] == author["filtered_statistics"] == statistics([row])
    (only,) = with_authors(answer([], [comment_row(author_id=None)], []), query).included[A]
    assert only["statistics"] == statistics([])


async def test_a_page_finds_the_author_of_each_review() -> None:
    reader = GivenAnswers([review_row(author_id=None, author_name="Jane D.")], {A: []})
    page = await shown("reviews.json", "Include=Authors&Stats=Reviews", reader)
    (review,) = page["Results"]
    author = page["Includes"]["Authors"][review["AuthorId"]]
    assert author["UserNickname"] == review["UserNickname"] == "Jane D."
    assert author["ReviewStatistics"]["TotalReviewCount"] == 1
    assert page["Includes"]["AuthorsOrder"] == [review["AuthorId"]]
