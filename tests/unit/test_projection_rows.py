from __future__ import annotations

from datetime import UTC, datetime, timedelta

import orjson

from services.projection.feedback import NO_VOTES, Votes
from services.projection.replies import NO_REPLIES
from services.projection.rows import DEFAULTS, PLAIN, PublicReview, public_comment, public_review
from shared.events.content import Badge, Photo, SyndicationSource, VotesBefore
from tests.projection_world import START, comment, content, detailed, moderated


def test_the_row_is_the_events_and_nothing_of_its_own() -> None:
    event = moderated(5, said=content(entity_id=None, author_name="Jane", author_email_masked="j***@example.com"))
    assert event.published is not None
    row = public_review(event, event.published, NO_REPLIES)
    assert (
        row[:PLAIN]
        == PublicReview(
            site="shop",
            review_id=5,
            revision=1,
            slug="fits-5",
            entity_id="",
            entity_name=None,
            rating=4,
            title="Revision 1",
            text="It fits – très bien 👍",
            author_id=None,
            author_name="Jane",
            author_email_masked="j***@example.com",
            locale="en",
            created_at=START,
            submitted_at=START + timedelta(hours=1),
            review_date=START,
            published_at=START + timedelta(hours=1, minutes=1),
            first_published_at=START + timedelta(minutes=5),
            publish_count=1,
            is_featured=False,
            display_order=None,
            replies="[]",
            submission_id="r5",
        )[:PLAIN]
    )
    assert row[PLAIN:] == DEFAULTS


def test_the_authors_own_date_is_preferred() -> None:
    own = datetime(2020, 2, 2, tzinfo=UTC)
    event = moderated(said=content(review_date=own))
    assert event.published is not None
    assert public_review(event, event.published, NO_REPLIES).review_date == own


def test_details_stand_in_their_columns_and_what_is_empty_is_null() -> None:
    said = detailed(
        pros="light",
        is_recommended=True,
        secondary_ratings={"quality": 4},
        tags={"Pro": ("light", "cheap")},
        badges=(Badge(id="top"),),
        photos=(Photo(id="1", url="https://example.com/1.jpg"),),
        product_recommendation_ids=("hat",),
        submission_id="s-1",
        syndication=SyndicationSource(name="Elsewhere"),
        votes_before=VotesBefore(positive=3, inappropriate=1),
    )
    event = moderated(5, said=said, codes=("RPP",))
    assert event.published is not None
    row = public_review(event, event.published, NO_REPLIES, Votes(1, 2, 0), comments=4)
    assert (row.pros, row.cons, row.is_recommended, row.submission_id) == ("light", None, True, "s-1")
    assert row.moderator_codes == ("RPP",)
    assert (row.positive_votes, row.negative_votes, row.abuse_reports, row.comment_count) == (4, 2, 1, 4)
    assert row.product_recommendation_ids == ("hat",)
    assert (row.context_data, row.additional_fields, row.videos) == (None, None, None)
    parsed = {
        name: orjson.loads(getattr(row, name) or "") for name in ("secondary_ratings", "tags", "badges", "photos")
    }
    assert parsed == {
        "secondary_ratings": {"quality": 4},
        "tags": {"Pro": ["light", "cheap"]},
        "badges": [{"id": "top", "kind": "Custom"}],
        "photos": [
            {
                "id": "1",
                "url": "https://example.com/1.jpg",
                "thumbnail_url": None,
                "large_url": None,
                "caption": None,
            }
        ],
    }
    assert orjson.loads(row.syndication or "") == {"name": "Elsewhere", "logo_url": None, "content_link": None}
    assert orjson.loads(row.votes_before or "") == {"positive": 3, "negative": 0, "inappropriate": 1}


def test_a_comments_row() -> None:
    own = datetime(2020, 2, 2, tzinfo=UTC)
    published = comment(author_id="jane", codes=("X",), votes_before=VotesBefore(negative=2)).published
    assert published is not None
    row = public_comment("shop", 101, 1, published, Votes(1, 1, 1))
    assert (row.site, row.comment_id, row.review_id, row.revision, row.author_id) == ("shop", 101, 1, 1, "jane")
    assert (row.submission_id, row.comment_date, row.badges, row.moderator_codes) == ("c101", START, None, ("X",))
    assert row[-3:] == (1, 3, 1)
    published = comment(comment_date=own, submission_id="s").published
    assert published is not None
    row = public_comment("shop", 101, 1, published, NO_VOTES)
    assert (row.comment_date, row.submission_id) == (own, "s")
