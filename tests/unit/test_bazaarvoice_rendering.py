from __future__ import annotations

import re
from typing import Any

import orjson
import pytest

from services.query.bazaarvoice.labels import arrange, ordered
from services.query.bazaarvoice.render_author import author
from services.query.bazaarvoice.render_catalog import category, product
from services.query.bazaarvoice.render_comment import comment
from services.query.bazaarvoice.render_parts import content_id, moment
from services.query.bazaarvoice.render_review import review
from services.query.bazaarvoice.statistics import product_statistics, rating_distribution, review_statistics
from services.query.core.answers import ProductCounts
from shared.events.vocabulary import BadgeTerm, Vocabulary
from tests.bazaarvoice_examples import (
    FULL_REVIEW,
    SITE,
    VOCABULARIES,
    VOCABULARY,
    author_row,
    category_row,
    comment_row,
    product_row,
    review_row,
    statistics,
)

ENGLISH = arrange(VOCABULARY, "en_US")
FRENCH = arrange(VOCABULARIES.of("fr_FR"), "fr_FR")


def test_a_plain_review() -> None:
    shown = review(review_row(), SITE, ENGLISH, False)
    assert shown["Id"] == "1001"
    assert (shown["ProductId"], shown["SourceClient"], shown["ContentLocale"]) == ("P1", SITE, "en_US")
    assert (shown["Rating"], shown["RatingRange"], shown["ModerationStatus"]) == (4, 5, "APPROVED")
    assert shown["Helpfulness"] is None
    assert shown["SubmissionTime"] == "2017-01-04T05:35:00.000+00:00"
    assert shown["LastModificationTime"] == "2017-01-05T05:35:00.500+00:00"
    assert shown["LastModeratedTime"] == "2017-01-06T05:35:00.123+00:00"
    for empty in ("Photos", "Videos", "CommentIds", "ClientResponses", "InappropriateFeedbackList"):
        assert shown[empty] == []
    for mapping in ("Badges", "ContextDataValues", "SecondaryRatings", "TagDimensions", "AdditionalFields"):
        assert (shown[mapping], shown[f"{mapping}Order"]) == ({}, [])
    assert "SyndicationSource" not in shown
    assert "ModeratorCodes" not in shown


def test_a_review_with_everything() -> None:
    shown = review(FULL_REVIEW, SITE, ENGLISH, True)
    assert shown["Helpfulness"] == 0.75
    assert shown["TotalFeedbackCount"] == 4
    assert (shown["TotalInappropriateFeedbackCount"], shown["InappropriateFeedbackList"]) == (2, [])
    assert shown["CommentIds"] == ["2001"]
    assert shown["IsSyndicated"] is True
    assert shown["SyndicationSource"] == {
        "Name": "Elsewhere",
        "LogoImageUrl": "https://img.example/logo.png",
        "ContentLink": None,
    }
    assert shown["ModeratorCodes"] == ["PUX"]
    assert shown["SecondaryRatingsOrder"] == ["Quality", "Fit", "Aroma"]
    assert shown["SecondaryRatings"] == {
        "Quality": {
            "Id": "Quality",
            "Value": 5,
            "ValueLabel": None,
            "Label": "Quality of Product",
            "ValueRange": 5,
            "MinLabel": None,
            "MaxLabel": None,
            "DisplayType": "NORMAL",
        },
        "Fit": {
            "Id": "Fit",
            "Value": 3,
            "ValueLabel": "True to size",
            "Label": "Fit",
            "ValueRange": 5,
            "MinLabel": "Runs Small",
            "MaxLabel": "Runs Large",
            "DisplayType": "SLIDER",
        },
        "Aroma": {
            "Id": "Aroma",
            "Value": 2,
            "ValueLabel": None,
            "Label": None,
            "ValueRange": 5,
            "MinLabel": None,
            "MaxLabel": None,
            "DisplayType": "NORMAL",
        },
    }
    assert shown["ContextDataValuesOrder"] == ["Gender", "Age", "Zone"]
    assert shown["ContextDataValues"] == {
        "Gender": {"Id": "Gender", "Value": "Female", "ValueLabel": "Female", "DimensionLabel": "Gender"},
        "Age": {"Id": "Age", "Value": "18to24", "ValueLabel": "18 to 24", "DimensionLabel": "Age"},
        "Zone": {"Id": "Zone", "Value": "north"},
    }
    assert shown["TagDimensions"] == {"Pro": {"Id": "Pro", "Label": "Pros", "Values": ["Soft", "Warm"]}}
    assert shown["AdditionalFields"] == {"Height": {"Id": "Height", "Value": "170", "Label": "Your height"}}
    assert shown["BadgesOrder"] == ["verifiedPurchaser", "top25"]
    assert shown["Badges"] == {
        "verifiedPurchaser": {"Id": "verifiedPurchaser", "BadgeType": "Custom", "ContentType": "REVIEW"},
        "top25": {"Id": "top25", "BadgeType": "Merit", "ContentType": "REVIEW"},
    }
    assert shown["ClientResponses"] == [
        {
            "Department": "Service",
            "Response": "Thank you.",
            "ResponseType": "Apology",
            "ResponseSource": "Console",
            "Name": "The shop",
            "Date": "2017-01-07T00:00:00.500+00:00",
        }
    ]
    assert shown["TotalClientResponseCount"] == 1


def test_photos_have_the_sizes_that_there_are_and_always_a_thumbnail() -> None:
    photos = [
        {"id": "7", "url": "u", "thumbnail_url": None, "large_url": "l", "caption": "A dress"},
        {"id": "8", "url": "u", "thumbnail_url": "t"},
    ]
    first, second = _list(review(review_row(photos=photos), SITE, ENGLISH, False)["Photos"])
    assert first == {
        "Id": "7",
        "Caption": "A dress",
        "Sizes": {
            "normal": {"Id": "normal", "Url": "u"},
            "thumbnail": {"Id": "thumbnail", "Url": "u"},
            "large": {"Id": "large", "Url": "l"},
        },
        "SizesOrder": ["normal", "thumbnail", "large"],
    }
    assert second["Sizes"]["thumbnail"] == {"Id": "thumbnail", "Url": "t"}
    assert second["SizesOrder"] == ["normal", "thumbnail"]


def test_a_review_of_the_site_itself_has_no_product() -> None:
    assert review(review_row(entity_id=""), SITE, ENGLISH, False)["ProductId"] is None


def test_labels_are_those_of_the_locale_and_never_change_what_was_shown_in_another() -> None:
    for labels, label in ((ENGLISH, "Age"), (FRENCH, "Âge"), (ENGLISH, "Age")):
        shown = _dict(review(FULL_REVIEW, SITE, labels, False)["ContextDataValues"])
        assert shown["Age"]["DimensionLabel"] == label
    french = review(FULL_REVIEW, SITE, FRENCH, False)
    assert french["ContextDataValuesOrder"] == ["Age", "Gender", "Zone"]
    assert _dict(french["SecondaryRatings"])["Fit"]["Label"] is None


def test_order_is_the_vocabularys_then_by_code_points() -> None:
    assert ordered(dict.fromkeys("baZd"), {"d": None, "x": None, "b": None}) == ["d", "b", "Z", "a"]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("2017-01-04T05:35:00+00:00", "2017-01-04T05:35:00.000+00:00"),
        ("2017-01-04T05:35:00.1+00:00", "2017-01-04T05:35:00.100+00:00"),
        ("2017-01-04T05:35:00.12+00:00", "2017-01-04T05:35:00.120+00:00"),
        ("2017-01-04T05:35:00.999999+00:00", "2017-01-04T05:35:00.999+00:00"),
    ],
)
def test_times_have_milliseconds(text: str, shown: str) -> None:
    assert moment(text) == shown


def test_content_ids_are_uuids_of_their_own() -> None:
    ids = {content_id(site, number) for site in ("a", "b") for number in (1, 2, 2**53 - 1)}
    assert len(ids) == 6
    assert all(re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", one) for one in ids)


def test_a_badge_is_of_what_it_is_shown_on_unless_its_vocabulary_says_otherwise() -> None:
    badges = [{"id": name, "kind": "Custom"} for name in ("helper", "buyer", "other")]
    terms = (BadgeTerm(id="buyer", content_type="REVIEW"), BadgeTerm(id="helper", content_type="COMMENT"))
    labels = arrange(Vocabulary(badges=terms), "en_US")
    for shown, shown_on in (
        (review(review_row(badges=badges), SITE, labels, False), "REVIEW"),
        (comment(comment_row(badges=badges), SITE, labels, False), "COMMENT"),
        (author(author_row(badges=badges), labels), "REVIEWER"),
    ):
        assert shown["BadgesOrder"] == ["buyer", "helper", "other"]
        types = {name: badge["ContentType"] for name, badge in shown["Badges"].items()}  # type: ignore[attr-defined]  # of JSON
        assert types == {"buyer": shown_on, "helper": "COMMENT", "other": shown_on}


def test_a_comment() -> None:
    badges = [{"id": "Staff", "kind": "Affiliation"}]
    shown = comment(comment_row(badges=badges, moderator_codes=["PRI"]), SITE, ENGLISH, True)
    assert (shown["Id"], shown["ReviewId"], shown["CommentText"]) == ("2001", "1001", "I agree.")
    assert (shown["TotalFeedbackCount"], shown["ContentLocale"], shown["StoryId"]) == (3, "en", None)
    assert shown["Badges"] == {"Staff": {"Id": "Staff", "BadgeType": "Affiliation", "ContentType": "COMMENT"}}
    assert shown["ModeratorCodes"] == ["PRI"]
    syndicated = comment(comment_row(syndication={"name": "Elsewhere"}), SITE, ENGLISH, False)
    assert syndicated["SyndicationSource"] == {"Name": "Elsewhere", "LogoImageUrl": None, "ContentLink": None}
    assert "ModeratorCodes" not in syndicated


def test_a_product_speaks_the_language_asked_for() -> None:
    english, french = product(product_row(), ENGLISH), product(product_row(), FRENCH)
    assert (english["Name"], french["Name"]) == ("Dress", "Robe")
    assert (english["Description"], french["Description"]) == ("Long.", "Long.")
    assert (english["ProductPageUrl"], french["ProductPageUrl"]) == (None, "https://fr")
    assert (english["Brand"], french["Brand"]) == ({"Id": "B1", "Name": "Acme"}, {"Id": "B1", "Name": "Acmé"})
    assert english["Attributes"] == {
        "Colour": {
            "Id": "Colour",
            "Label": "Colour",
            "Values": [{"Value": "red", "Locale": None}, {"Value": "blue", "Locale": None}],
        }
    }
    assert _dict(french["Attributes"])["Colour"]["Label"] == "Couleur"
    assert (english["EANs"], english["ModelNumbers"], english["UPCs"]) == (["123"], ["M1"], [])
    assert english["ManufacturerPartNumbers"] == []
    assert product(product_row(review_ids=[5, 6]), ENGLISH)["ReviewIds"] == ["5", "6"]


def test_a_product_that_only_reviews_know() -> None:
    row = product_row(
        in_catalog=False,
        name=None,
        description=None,
        image_url=None,
        category_id=None,
        brand_id=None,
        brand=None,
        family_ids=[],
        attributes={},
        identifiers={},
        localized={},
        entity_name="Dress, long",
    )
    shown = product(row, ENGLISH)
    assert (shown["Name"], shown["Brand"], shown["BrandExternalId"]) == ("Dress, long", {}, None)
    assert (shown["Active"], shown["Attributes"], shown["AttributesOrder"]) == (True, {}, [])


def test_a_category() -> None:
    shown = category(category_row(product_ids=["P1"], localized={"fr_fr": {"name": "Robes"}}), FRENCH)
    assert (shown["Id"], shown["Name"], shown["ParentId"], shown["ProductIds"]) == (
        "dresses",
        "Robes",
        "clothes",
        ["P1"],
    )


def test_an_author() -> None:
    shown = author(author_row(review_ids=[5], comment_ids=[7]), ENGLISH)
    assert (shown["Id"], shown["UserNickname"], shown["ContributorRank"]) == ("a1", "Ann", "TOP_25")
    assert (shown["ReviewIds"], shown["CommentIds"]) == (["5"], ["7"])
    assert shown["Badges"] == {"top25": {"Id": "top25", "BadgeType": "Merit", "ContentType": "REVIEWER"}}
    assert shown["ContextDataValuesOrder"] == ["Age"]
    plain = author(author_row(badges=None, context_data=None), ENGLISH)
    assert (plain["ContributorRank"], plain["Badges"], plain["ContextDataValues"]) == ("NONE", {}, {})
    ranks = [{"id": "top1000", "kind": "Merit"}, {"id": "TOP10", "kind": "Merit"}, {"id": "top1", "kind": "Custom"}]
    assert author(author_row(badges=ranks), ENGLISH)["ContributorRank"] == "TOP_10"


def test_statistics_of_nothing() -> None:
    shown = review_statistics(statistics(), ENGLISH, False)
    assert (shown["TotalReviewCount"], shown["AverageOverallRating"], shown["OverallRatingRange"]) == (0, None, 5)
    assert (shown["FirstSubmissionTime"], shown["LastSubmissionTime"], shown["RatingDistribution"]) == (None, None, [])
    for mapping in ("SecondaryRatingsAverages", "ContextDataDistribution", "TagDistribution"):
        assert (shown[mapping], shown[f"{mapping}Order"]) == ({}, [])
    assert "IncentivizedReviewCount" not in shown


def test_statistics() -> None:
    found = statistics(
        review_count=7,
        rating_sum=24,
        ratings=[1, 0, 2, 3, 1],
        recommended_count=4,
        not_recommended_count=1,
        positive_votes=9,
        negative_votes=2,
        featured_count=1,
        ratings_only_count=2,
        incentivized_count=3,
        first_date="2016-01-19T00:56:00+00:00",
        last_date="2017-01-19T00:56:00.25+00:00",
        secondary_ratings={"Aroma": {"2": 1}, "Fit": {"3": 2, "4": 1}},
        context_data={"Zone": {"b": 1, "a": 2}, "Age": {"18to24": 1, "90": 5, "17orUnder": 2}},
        tags={"Con": {"Dear": 1}, "Pro": {"Warm": 2, "Soft": 2, "Cheap": 3}},
    )
    assert review_statistics(found, ENGLISH, True) == {
        "TotalReviewCount": 7,
        "RatingsOnlyReviewCount": 2,
        "FeaturedReviewCount": 1,
        "RecommendedCount": 4,
        "NotRecommendedCount": 1,
        "HelpfulVoteCount": 9,
        "NotHelpfulVoteCount": 2,
        "AverageOverallRating": 24 / 7,
        "OverallRatingRange": 5,
        "RatingDistribution": [
            {"RatingValue": 4, "Count": 3},
            {"RatingValue": 3, "Count": 2},
            {"RatingValue": 1, "Count": 1},
            {"RatingValue": 5, "Count": 1},
        ],
        "FirstSubmissionTime": "2016-01-19T00:56:00.000+00:00",
        "LastSubmissionTime": "2017-01-19T00:56:00.250+00:00",
        "SecondaryRatingsAverages": {
            "Fit": {
                "Id": "Fit",
                "AverageRating": 10 / 3,
                "ValueRange": 5,
                "MinLabel": "Runs Small",
                "MaxLabel": "Runs Large",
                "DisplayType": "SLIDER",
                "Label": "Fit",
            },
            "Aroma": {
                "Id": "Aroma",
                "AverageRating": 2.0,
                "ValueRange": 5,
                "MinLabel": None,
                "MaxLabel": None,
                "DisplayType": "NORMAL",
            },
        },
        "SecondaryRatingsAveragesOrder": ["Fit", "Aroma"],
        "ContextDataDistribution": {
            "Age": {
                "Id": "Age",
                "Label": "Age",
                "Values": [
                    {"Value": "17orUnder", "Count": 2, "ValueLabel": "17 or under"},
                    {"Value": "18to24", "Count": 1, "ValueLabel": "18 to 24"},
                    {"Value": "90", "Count": 5},
                ],
            },
            "Zone": {"Id": "Zone", "Values": [{"Value": "a", "Count": 2}, {"Value": "b", "Count": 1}]},
        },
        "ContextDataDistributionOrder": ["Age", "Zone"],
        "TagDistribution": {
            "Pro": {
                "Id": "Pro",
                "Label": "Pros",
                "Values": [
                    {"Value": "Cheap", "Count": 3},
                    {"Value": "Soft", "Count": 2},
                    {"Value": "Warm", "Count": 2},
                ],
            },
            "Con": {"Id": "Con", "Label": "Cons", "Values": [{"Value": "Dear", "Count": 1}]},
        },
        "TagDistributionOrder": ["Pro", "Con"],
        "IncentivizedReviewCount": 3,
    }


def test_distributions_leave_zeros_out() -> None:
    assert rating_distribution([0, 0, 0, 0, 0]) == []
    assert rating_distribution([2, 0, 2, 0, 0]) == [{"RatingValue": 1, "Count": 2}, {"RatingValue": 3, "Count": 2}]


def test_bulk_statistics_round_their_averages() -> None:
    counts = ProductCounts("P1", 3, 10, 1, 0, 0, 0)
    assert product_statistics(counts, True, True, True) == {
        "ProductStatistics": {
            "ProductId": "P1",
            "ReviewStatistics": {
                "AverageOverallRating": 3.3333,
                "TotalReviewCount": 3,
                "OverallRatingRange": 5,
                "IncentivizedReviewCount": 1,
            },
            "NativeReviewStatistics": {
                "AverageOverallRating": None,
                "TotalReviewCount": 0,
                "OverallRatingRange": 5,
                "IncentivizedReviewCount": 0,
            },
        }
    }
    assert product_statistics(counts, True, False, False) == {
        "ProductStatistics": {
            "ProductId": "P1",
            "ReviewStatistics": {"AverageOverallRating": 3.3333, "TotalReviewCount": 3, "OverallRatingRange": 5},
        }
    }


def test_everything_is_json() -> None:
    assert orjson.dumps(review(FULL_REVIEW, SITE, ENGLISH, True))


def _dict(value: object) -> dict[str, Any]:
    assert isinstance(value, dict)
    return value


def _list(value: object) -> list[Any]:
    assert isinstance(value, list)
    return value
