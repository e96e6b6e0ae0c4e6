from __future__ import annotations

import pytest

from services.query.bazaarvoice.attributes import FILTERS, SORTS
from services.query.bazaarvoice.errors import Code, Refused
from services.query.bazaarvoice.sorts import ALGORITHMS, MAX_SORTS, read_sorts
from services.query.core.query import Dimension, Dynamic, Field, Order, Subject
from tests.bazaarvoice_examples import VOCABULARIES


def read(*texts: str, subject: Subject = Subject.REVIEWS) -> tuple[Order, ...]:
    return read_sorts(texts, subject, VOCABULARIES)


def messages(*texts: str, subject: Subject = Subject.REVIEWS) -> list[str]:
    with pytest.raises(Refused) as refused:
        read(*texts, subject=subject)
    assert {error.code for error in refused.value.errors} == {Code.INVALID_SORT_ATTRIBUTE}
    return [error.message for error in refused.value.errors]


@pytest.mark.parametrize("subject", Subject)
def test_every_attribute_sorts_both_ways_in_any_case(subject: Subject) -> None:
    assert SORTS[subject]
    for name, field in SORTS[subject].items():
        assert read(f"{name}:asc", subject=subject) == (Order(field),)
        assert read(f"{name.lower()}:DESC", subject=subject) == (Order(field, descending=True),)


def test_the_vendor_filters_reviews_by_some_things_that_it_does_not_sort_by() -> None:
    reviews = Subject.REVIEWS
    assert FILTERS[reviews].keys() - SORTS[reviews].keys() == {
        "Affiliation",
        "CategoryAncestorId",
        "ModeratorCode",
        "ProductBrandId",
    }
    assert SORTS[reviews].keys() - FILTERS[reviews].keys() == {"Helpfulness"}
    assert messages("Affiliation:asc") == ["Invalid URL Sort of 'Affiliation'."]
    assert messages("Tag_Pro:asc") == ["Invalid URL Sort of 'Tag_Pro'."]


def test_several_sorts_come_in_their_order_once_each() -> None:
    assert read("Rating:desc, SubmissionTime:asc,,Rating:asc", "Id:asc,") == (
        Order(Field.RATING, descending=True),
        Order(Field.REVIEW_DATE),
        Order(Field.REVIEW_ID),
    )


def test_dynamic_attributes_are_those_of_the_vocabulary() -> None:
    assert read("contextdatavalue_AGE:desc") == (Order(Dynamic(Dimension.CONTEXT_DATA, "Age"), descending=True),)
    assert read("SecondaryRating_fit:asc") == (Order(Dynamic(Dimension.SECONDARY_RATING, "Fit")),)
    assert messages("SecondaryRating_x:asc") == ["Invalid URL Sort of 'SecondaryRating_x'."]


def test_the_direction_is_required() -> None:
    said = "The sort 'Rating' must specify a direction: Rating:asc or Rating:desc."
    assert messages("Rating") == [said]
    assert messages("Rating:down") == [said]
    assert messages("Rating:", "Nothing:asc", "Nothing") == [
        said,
        "Invalid URL Sort of 'Nothing'.",
        "Invalid URL Sort of 'Nothing'.",
    ]


HELPFUL, NEWEST = Order(Field.HELPFULNESS, descending=True), Order(Field.REVIEW_DATE, descending=True)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_relevancy_of_reviews_is_what_readers_found_helpful_and_then_what_is_new(algorithm: str) -> None:
    for text in (f"relevancy:{algorithm}", f"Relevancy:{algorithm.upper()}", f" RELEVANCY : {algorithm} ,"):
        assert read(text) == (HELPFUL, NEWEST)
    featured = Order(Field.IS_FEATURED, descending=True)
    assert read(f"IsFeatured:desc,relevancy:{algorithm},Id:asc") == (featured, HELPFUL, NEWEST, Order(Field.REVIEW_ID))
    # What comes twice counts where it comes first.
    assert read(f"SubmissionTime:asc,relevancy:{algorithm}") == (Order(Field.REVIEW_DATE), HELPFUL)
    assert read(f"relevancy:{algorithm},SubmissionTime:asc,relevancy:{algorithm}") == (HELPFUL, NEWEST)


def test_relevancy_has_an_algorithm_and_no_direction() -> None:
    said = "The sort 'Relevancy' must specify an algorithm: Relevancy:a1 or Relevancy:a2."
    assert messages("Relevancy") == messages("Relevancy:desc") == messages("Relevancy:a3") == [said]
    assert messages("relevancy:a1:desc") == ["Invalid URL Sort of 'relevancy:a1'."]
    for subject in set(Subject) - {Subject.REVIEWS}:
        assert messages("relevancy:a1", subject=subject) == ["Invalid URL Sort of 'relevancy'."]


def test_there_is_no_order_by_a_list_of_values() -> None:
    assert messages("ContentLocale:fr_FR,en_US") == [
        "The sort 'ContentLocale' must specify a direction: ContentLocale:asc or ContentLocale:desc.",
        "Invalid URL Sort of 'en_US'.",
    ]


def test_sorts_are_limited() -> None:
    names = list(SORTS[Subject.REVIEWS])
    assert len(read(",".join(f"{name}:asc" for name in names[:MAX_SORTS]))) == MAX_SORTS
    assert messages(",".join(f"{name}:asc" for name in names[: MAX_SORTS + 1])) == [
        "Too many sorts: send 10 at the most."
    ]
    # Relevancy is one sort, though two orders come of it.
    others = [name for name in names if SORTS[Subject.REVIEWS][name] not in (HELPFUL.field, NEWEST.field)]
    assert len(read(",".join(["relevancy:a1", *(f"{name}:asc" for name in others[: MAX_SORTS - 1])]))) == MAX_SORTS + 1
