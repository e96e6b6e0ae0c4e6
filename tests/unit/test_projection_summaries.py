from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from services.projection.replies import NO_REPLIES
from services.projection.rows import public_review
from services.projection.summaries import COUNTS, Counted, Delta, Movements, Value, counted
from shared.events.content import ReviewDetails, SyndicationSource
from tests.projection_world import content, moderated


def review(entity_id: str = "hat", rating: int = 5, author_id: str | None = None, **details: object) -> Counted:
    said = content(
        rating=rating, entity_id=entity_id, author_id=author_id, details=ReviewDetails.model_validate(details)
    )
    event = moderated(said=said)
    assert event.published is not None
    return counted(public_review(event, event.published, NO_REPLIES))


@dataclass
class Moved:
    """The counts of a delta that are not zero, by name."""

    scope: str
    entity_id: str
    counts: dict[str, int]


def named(deltas: list[Delta]) -> list[Moved]:
    return [
        Moved(delta.scope, delta.entity_id, {name: n for name, n in zip(COUNTS, delta.counts, strict=True) if n})
        for delta in deltas
    ]


def test_a_new_review_adds_to_its_entity_its_locale_and_its_site() -> None:
    movements = Movements()
    movements.move("shop", None, review("hat", 5))
    movements.move("shop", None, review("", 1))
    growing, shrinking = movements.deltas()
    one = {"ratings_1": 1, "native_count": 1, "native_rating_sum": 1}
    five = {"ratings_5": 1, "native_count": 1, "native_rating_sum": 5}
    assert named(growing) == [
        Moved("entity", "", one),
        Moved("entity", "hat", five),
        Moved("locale", "", one),
        Moved("locale", "hat", five),
        Moved("site", "", {"ratings_1": 1, "ratings_5": 1, "native_count": 2, "native_rating_sum": 6}),
    ]
    assert shrinking == []


def test_everything_that_is_counted() -> None:
    movements = Movements()
    said: dict[str, Any] = {
        "is_recommended": False,
        "is_incentivized": True,
        "votes_before": {"positive": 3, "negative": 2},
    }
    movements.move("shop", None, review("hat", 4, **said))
    bare = review("hat", 2, is_recommended=True, syndication=SyndicationSource(name="elsewhere"))
    movements.move("shop", None, bare._replace(is_ratings_only=True, is_featured=True))
    growing, _ = movements.deltas()
    assert named(growing)[0].counts == {
        "ratings_2": 1,
        "ratings_4": 1,
        "recommended_count": 1,
        "not_recommended_count": 1,
        "positive_votes": 3,
        "negative_votes": 2,
        "featured_count": 1,
        "ratings_only_count": 1,
        "incentivized_count": 1,
        "native_count": 1,
        "native_rating_sum": 4,
        "native_incentivized_count": 1,
    }


def test_a_changed_rating_moves_within_all_three() -> None:
    movements = Movements()
    movements.move("shop", review("hat", 2), review("hat", 4))
    growing, shrinking = movements.deltas()
    assert growing == []
    counts = {"ratings_2": -1, "ratings_4": 1, "native_rating_sum": 2}
    assert named(shrinking) == [
        Moved("entity", "hat", counts),
        Moved("locale", "hat", counts),
        Moved("site", "", counts),
    ]


def test_a_review_that_changes_its_entity_changes_nothing_for_the_site() -> None:
    movements = Movements()
    movements.move("shop", review("hat", 2), review("shirt", 2))
    growing, shrinking = movements.deltas()
    assert [delta[:3] for delta in growing] == [("shop", "entity", "shirt"), ("shop", "locale", "shirt")]
    assert [delta[:3] for delta in shrinking] == [("shop", "entity", "hat"), ("shop", "locale", "hat")]


def test_a_review_that_changes_its_locale_changes_nothing_for_its_entity() -> None:
    movements = Movements()
    english = review("hat", 2)
    movements.move("shop", english, english._replace(locale="de"))
    movements.move("shop", None, english._replace(locale="fr"))
    growing, shrinking = movements.deltas()
    assert [delta[1:4] for delta in growing] == [
        ("entity", "hat", ""),
        ("locale", "hat", "de"),
        ("locale", "hat", "fr"),
        ("site", "", ""),
    ]
    assert [delta[1:4] for delta in shrinking] == [("locale", "hat", english.locale)]


def test_what_cancels_out_is_not_written() -> None:
    movements = Movements()
    movements.move("shop", review("hat", 2, "jane", tags={"Pro": ["light"]}), None)
    movements.move("shop", None, review("hat", 2, "jane", tags={"Pro": ["light"]}))
    movements.move("shop", review("hat", 3), review("hat", 3))
    assert [movements.deltas(), movements.authors(), movements.values()] == [([], [])] * 3


def test_a_summary_that_wins_only_votes_must_exist() -> None:
    movements = Movements()
    movements.vote("shop", "hat", "en", 1, 0)
    growing, shrinking = movements.deltas()
    assert growing == []
    won = {"positive_votes": 1}
    assert named(shrinking) == [Moved("entity", "hat", won), Moved("locale", "hat", won), Moved("site", "", won)]


def test_authors_by_reviews_and_comments() -> None:
    movements = Movements()
    movements.move("shop", None, review(author_id="jane"))
    movements.move("shop", review(author_id="joe"), None)
    movements.comment("shop", "joe", 1)
    movements.comment("shop", "jane", 2)
    movements.comment("shop", None, 1)
    assert movements.authors() == ([("shop", "jane", 1, 2)], [("shop", "joe", -1, 1)])


def test_a_value_counts_once_per_review_and_not_when_it_is_too_long() -> None:
    movements = Movements()
    tags = {"Pro": ["light", "light", "ü" * 500, "ü" * 501]}
    movements.move("shop", None, review("hat", tags=tags, secondary_ratings={"size": 3}, context_data={"Age": "30"}))
    movements.move("shop", review("hat", context_data={"Age": "40"}), None)
    assert movements.values() == (
        [
            (Value("shop", "hat", "context data", "Age", "30"), 1),
            (Value("shop", "hat", "secondary rating", "size", "3"), 1),
            (Value("shop", "hat", "tag", "Pro", "light"), 1),
            (Value("shop", "hat", "tag", "Pro", "ü" * 500), 1),
        ],
        [(Value("shop", "hat", "context data", "Age", "40"), -1)],
    )
