"""The submission endpoints, from the posted form to what intake is given and what the sender is told."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.query.bazaarvoice.submissions import Rules
from services.query.core.vocabulary import Vocabularies
from services.query.intake import IntakeRefused
from services.query.problem import unavailable
from shared.events.settings import FieldSettings, FormFields, SiteSettings
from shared.http.rate_limit import Rate, RateLimiter
from tests.storefront_world import COMMENT, COMMENT_FORM, NOW, REVIEW, REVIEW_FORM, TOKEN, VOTE, Shop, Storefront

FORM = {"content-type": "application/x-www-form-urlencoded"}


def field_errors(answer: Any) -> dict[str, str]:
    assert answer["HasErrors"]
    errors = answer["FormErrors"]["FieldErrors"]
    assert list(errors) == answer["FormErrors"]["FieldErrorsOrder"]
    assert all(error["Message"] and error["Field"] == name for name, error in errors.items())
    return {name: error["Code"] for name, error in errors.items()}


def codes(answer: Any) -> list[str]:
    assert answer["HasErrors"]
    assert all(error["Message"] for error in answer["Errors"])
    return [error["Code"] for error in answer["Errors"]]


async def test_a_review_goes_to_intake_in_its_words() -> None:
    front = Storefront()
    answer = await front.post(
        "submitreview",
        **REVIEW_FORM,
        UserId="u-1",
        UserEmail="ann@example.com",
        UserLocation="Leeds",
        IsRecommended="True",
        CampaignId="MAIL",
        Locale="fr_CA",
        Rating_quality="5",
        RATING_FIT="3",
        ContextDataValue_Age="18to24",
        AdditionalField_Height="170",
        tag_Pro_1="Soft",
        tag_pro_7="Warm",
        PhotoUrl_1="https://img.example/1.jpg",
        PhotoCaption_1="Front",
        PhotoUrl_8="https://img.example/8.jpg",
        VideoUrl_1="https://www.youtube.com/watch?v=dQw4w9WgXcQ",
        Rating_Unknown="5",
        Whatever="else",
    )
    assert not answer["HasErrors"], answer
    ((site, review, once),) = front.intake.reviews
    assert site == "shop"
    assert once is not None
    assert review == {
        "rating": 4,
        "title": "Good",
        "text": "Quite good, all in all.",
        "author": {"id": "u-1", "name": "Ann", "email": "ann@example.com"},
        "entity_id": "P1",
        "locale": "fr_CA",
        "form": {"honeypot": ""},
        "details": {
            "is_recommended": True,
            "secondary_ratings": {"Quality": 5, "Fit": 3},
            "context_data": {"Age": "18to24"},
            "tags": {"Pro": ["Soft", "Warm"]},
            "additional_fields": {"Height": "170"},
            "photos": [
                {"url": "https://img.example/1.jpg", "caption": "Front"},
                {"url": "https://img.example/8.jpg"},
            ],
            "videos": [
                {
                    "url": "https://www.youtube.com/watch?v=dQw4w9WgXcQ",
                    "host": "www.youtube.com",
                    "id": "dQw4w9WgXcQ",
                    "iframe_url": "https://www.youtube.com/embed/dQw4w9WgXcQ",
                    "thumbnail_url": "https://img.youtube.com/vi/dQw4w9WgXcQ/0.jpg",
                }
            ],
            "author_location": "Leeds",
            "campaign_id": "MAIL",
        },
    }
    assert answer["SubmissionId"] == "r4711"
    assert answer["TypicalHoursToPost"] == 24
    assert answer["Locale"] == "fr_CA"
    assert answer["Form"] == []
    assert answer["FormErrors"] == answer["Data"] == {}
    assert answer["Review"]["SubmissionTime"] == NOW.isoformat(timespec="milliseconds")
    assert answer["Review"]["ReviewText"] == REVIEW_FORM["ReviewText"]


async def test_preview_and_the_form_write_nothing() -> None:
    front = Storefront()
    preview = await front.post("submitreview", **REVIEW_FORM | {"Action": "Preview"})
    assert not preview["HasErrors"]
    assert preview["Review"]["Rating"] == 4
    assert preview["Data"]["Fields"]["title"]["Value"] == "Good"
    assert codes_of_fields(await front.post("submitreview", Action="preview", ProductId="P1")) >= {"rating"}
    form = await front.post("submitreview", ProductId="P1")
    assert not form["HasErrors"]
    assert form["FormErrors"] == {}
    response = await front.client().get(f"/data/submitreview.json?ApiVersion=5.4&passkey={TOKEN}&productid=P1")
    assert response.json() == form
    assert front.intake.reviews == []
    assert form["SubmissionId"] is preview["SubmissionId"] is None


def codes_of_fields(answer: Any) -> set[str]:
    return set(field_errors(answer))


async def test_nothing_is_submitted_by_get() -> None:
    front = Storefront()
    for path in (
        f"submitreview.json?ApiVersion=5.4&passkey={TOKEN}&{urlencode(REVIEW_FORM)}",
        f"submitfeedback.json?ApiVersion=5.4&passkey={TOKEN}&{urlencode(VOTE)}",
    ):
        assert codes((await front.client().get(f"/data/{path}")).json()) == ["ERROR_BAD_REQUEST"]
    assert front.intake.reviews == []
    assert front.intake.feedback == []


async def test_what_is_missing_is_said_all_at_once() -> None:
    answer = await Storefront().post("submitreview", Action="Submit", ProductId="P1")
    assert field_errors(answer) == {
        "usernickname": "ERROR_FORM_REQUIRED",
        "agreedtotermsandconditions": "ERROR_FORM_REQUIRES_TRUE",
        "reviewtext": "ERROR_FORM_REQUIRED",
        "rating": "ERROR_FORM_REQUIRED",
    }
    assert answer["Review"]["Rating"] == 0


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("Rating", "six", "ERROR_FORM_INVALID"),
        ("Rating", "0", "ERROR_FORM_TOO_LOW"),
        ("Rating", "6", "ERROR_FORM_TOO_HIGH"),
        ("Rating", "4.5", "ERROR_FORM_INVALID"),
        ("Rating", "٤", "ERROR_FORM_INVALID"),
        ("UserNickname", "A", "ERROR_FORM_TOO_SHORT"),
        ("UserNickname", "A" * 101, "ERROR_FORM_TOO_LONG"),
        ("UserNickname", "A\nB", "ERROR_FORM_PATTERN_MISMATCH"),
        ("ReviewText", "x" * 10_001, "ERROR_FORM_TOO_LONG"),
        ("ReviewText", "a\x01b", "ERROR_FORM_PATTERN_MISMATCH"),
        ("UserEmail", "nobody", "ERROR_FORM_INVALID_EMAILADDRESS"),
        ("IsRecommended", "maybe", "ERROR_FORM_INVALID_OPTION"),
        ("AgreedToTermsAndConditions", "false", "ERROR_FORM_REQUIRES_TRUE"),
        ("ContextDataValue_Age", "ancient", "ERROR_FORM_INVALID_OPTION"),
        ("Rating_Quality", "6", "ERROR_FORM_TOO_HIGH"),
        ("NetPromoterScore", "11", "ERROR_FORM_TOO_HIGH"),
        ("PhotoUrl_1", "javascript:alert(1)", "ERROR_FORM_PATTERN_MISMATCH"),
        ("PhotoUrl_1", "https://user:secret@img.example/1.jpg", "ERROR_FORM_PATTERN_MISMATCH"),
        ("ProductId", "p" * 256, "ERROR_FORM_TOO_LONG"),
        ("UserId", "u" * 256, "ERROR_FORM_TOO_LONG"),
    ],
)
async def test_a_bad_value_names_its_field(field: str, value: str, code: str) -> None:
    front = Storefront()
    answer = await front.post("submitreview", **REVIEW_FORM | {field: value})
    found = field_errors(answer)
    assert {name.lower(): one for name, one in found.items()} == {field.lower(): code}
    # What was sent is not said back in a message: it may be somebody's address.
    assert value not in str(answer["FormErrors"]) or len(value) < 3
    assert front.intake.reviews == []


async def test_the_form_is_the_sites() -> None:
    settings = SiteSettings(
        min_rating=2,
        max_rating=4,
        fields=FormFields(email=FieldSettings(required=True), title=FieldSettings(enabled=False)),
    )
    front = Storefront(Shop(settings=settings), rules=Rules(terms_required=False, typical_hours_to_post=72))
    form = await front.post("submitreview", ProductId="P1")
    fields = form["Data"]["Fields"]
    assert fields["useremail"]["Required"]
    assert "title" not in fields
    assert not fields["agreedtotermsandconditions"]["Required"]
    assert fields["contextdatavalue_Age"]["Label"] == "Age"
    assert [option["Value"] for option in fields["contextdatavalue_Age"]["Options"]] == ["", "17orUnder", "18to24"]
    assert fields["rating_Quality"]["Label"] == "Quality of Product"
    assert form["TypicalHoursToPost"] == 72
    french = await front.post("submitreview", ProductId="P1", Locale="fr_FR")
    assert french["Data"]["Fields"]["contextdatavalue_Age"]["Label"] == "Âge"
    wrong = {**REVIEW_FORM, "Rating": "5"}
    del wrong["AgreedToTermsAndConditions"]
    assert field_errors(await front.post("submitreview", **wrong)) == {
        "useremail": "ERROR_FORM_REQUIRED",
        "rating": "ERROR_FORM_TOO_HIGH",
    }
    good = wrong | {"Rating": "4", "UserEmail": "ann@example.com"}
    assert not (await front.post("submitreview", **good))["HasErrors"]
    assert "title" not in front.intake.reviews[0][1]


async def test_required_dimensions() -> None:
    front = Storefront()
    (height,) = front.shop.known.of(None).additional_fields
    (quality, *_) = front.shop.known.of(None).secondary_ratings
    demanding = front.shop.known.of(None).model_copy(
        update={
            "additional_fields": (height.model_copy(update={"required": True}),),
            "secondary_ratings": (quality.model_copy(update={"required": True}),),
        }
    )
    front.shop.known = Vocabularies({"*": demanding})
    assert field_errors(await front.post("submitreview", **REVIEW_FORM)) == {
        "additionalfield_Height": "ERROR_FORM_REQUIRED",
        "rating_Quality": "ERROR_FORM_REQUIRED",
    }


async def test_a_rating_only() -> None:
    front = Storefront()
    form = {**REVIEW_FORM, "IsRatingsOnly": "true"}
    del form["ReviewText"], form["Title"]
    assert not (await front.post("submitreview", **form))["HasErrors"]
    assert "text" not in front.intake.reviews[0][1]


async def test_what_counts_from_0_is_not_lost() -> None:
    front = Storefront()
    answer = await front.post(
        "submitreview",
        **REVIEW_FORM,
        PhotoUrl_0="https://img.example/0.jpg",
        PhotoCaption_0="Front",
        PhotoUrl_1="https://img.example/1.jpg",
        VideoUrl_0="https://video.example/1",
        tag_Pro_1="Warm",
        tag_Pro_0="Soft",
    )
    assert not answer["HasErrors"], answer
    details = front.intake.reviews[0][1]["details"]
    assert details["photos"] == [
        {"url": "https://img.example/0.jpg", "caption": "Front"},
        {"url": "https://img.example/1.jpg"},
    ]
    assert [video["url"] for video in details["videos"]] == ["https://video.example/1"]
    assert details["tags"] == {"Pro": ["Soft", "Warm"]}
    wrong = await front.post("submitreview", **REVIEW_FORM, PhotoUrl_0="ftp://img.example/0.jpg")
    assert field_errors(wrong) == {"photourl_0": "ERROR_FORM_PATTERN_MISMATCH"}


async def test_all_names_of_tags_are_read() -> None:
    front = Storefront()
    names = {
        "TagId_Pro_0": "First",
        "tag_pro_2": "Third",
        "tagid_pro_2": "Fourth",
        "tag_Pro_1": "Second",
        "tagid_Pro/Quite Soft": "true",
        "TAGID_PRO/a/B": "True",
        "tagid_Pro/Heavy": "false",
        "tagid_Pro/First": "true",
        "tagid_Unknown/x": "true",
        "tagid_Pro/": "true",
        "tagid_Pro/  ": "true",
        "tagid_Pro/ Quite Soft ": "true",
    }
    assert not (await front.post("submitreview", **REVIEW_FORM, **names))["HasErrors"]
    tags = ["First", "Second", "Third", "Fourth", "Quite Soft", "a/B"]
    assert front.intake.reviews[0][1]["details"]["tags"] == {"Pro": tags}
    wrong = await front.post("submitreview", **REVIEW_FORM, **{"tagid_Pro/Soft": "perhaps", "tagid_Pro_4": "x" * 501})
    assert field_errors(wrong) == {
        "tagid_Pro_4": "ERROR_FORM_TOO_LONG",
        "tagid_Pro/Soft": "ERROR_FORM_INVALID_OPTION",
    }


async def test_ticked_tags_may_stand_in_the_address() -> None:
    front = Storefront()
    query = urlencode({"ApiVersion": "5.4", "PassKey": TOKEN, "tagid_Pro/Soft": "true"})
    response = await front.client().post(f"/data/submitreview.json?{query}", data=REVIEW_FORM)
    assert not response.json()["HasErrors"]
    assert front.intake.reviews[0][1]["details"]["tags"] == {"Pro": ["Soft"]}


async def test_options_are_stored_in_their_own_spelling() -> None:
    front = Storefront()
    await front.post("submitreview", **REVIEW_FORM, ContextDataValue_Age="18TO24")
    assert front.intake.reviews[0][1]["details"]["context_data"] == {"Age": "18to24"}


@pytest.mark.parametrize(
    ("value", "expected"),
    [("True", True), ("true", True), ("YES", True), ("1", True), ("false", None), ("no", None), ("", None)],
)
async def test_an_incentive_is_told_without_a_vocabulary_too(value: str, expected: bool | None) -> None:
    front = Storefront()
    await front.post("submitreview", **REVIEW_FORM, ContextDataValue_IncentivizedReview=value)
    details = front.intake.reviews[0][1].get("details", {})
    assert details.get("is_incentivized") is expected
    assert "context_data" not in details


async def test_an_incentive_is_told_by_the_vendors_dimension() -> None:
    front = Storefront()
    term = (
        front.shop.known.of(None)
        .context_data[0]
        .model_copy(update={"id": "IncentivizedReview", "value_labels": {"True": "Yes"}})
    )
    front.shop.known = Vocabularies({"*": front.shop.known.of(None).model_copy(update={"context_data": (term,)})})
    for sent in ("True", "true"):
        await front.post("submitreview", **REVIEW_FORM, ContextDataValue_IncentivizedReview=sent)
        details = front.intake.reviews[-1][1]["details"]
        assert details == {"is_incentivized": True, "context_data": {"IncentivizedReview": "True"}}
    await front.post("submitreview", **REVIEW_FORM, ContextDataValue_IncentivizedReview="false")
    assert "details" not in front.intake.reviews[-1][1]


async def test_a_score_is_kept_where_the_site_has_a_field_for_it() -> None:
    front = Storefront()
    await front.post("submitreview", **REVIEW_FORM, NetPromoterScore="9")
    assert "details" not in front.intake.reviews[0][1]
    plain = front.shop.known.of(None)
    term = plain.additional_fields[0].model_copy(update={"id": "NetPromoterScore"})
    front.shop.known = Vocabularies({"*": plain.model_copy(update={"additional_fields": (term,)})})
    await front.post("submitreview", **REVIEW_FORM, NetPromoterScore="9")
    assert front.intake.reviews[1][1]["details"] == {"additional_fields": {"NetPromoterScore": "9"}}


async def test_a_double_click_sends_once_and_two_people_send_twice() -> None:
    front = Storefront()
    for peer in ("203.0.113.9", "203.0.113.9", "203.0.113.10"):
        await front.post("submitreview", peer, **REVIEW_FORM)
        await front.post("submitreviewcomment", peer, **COMMENT_FORM)
    first, again, other = (once for _, _, once in front.intake.reviews)
    assert first == again != other
    first, again, other = (once for *_, once in front.intake.comments)
    assert first == again != other
    await front.post("submitreview", **REVIEW_FORM | {"Rating": "5"})
    assert front.intake.reviews[-1][2] != front.intake.reviews[0][2]


async def test_what_tells_a_double_click_does_not_tell_the_address() -> None:
    fronts = [Storefront(secret=secret) for secret in (b"one", b"one", b"other")]
    for front in fronts:
        await front.post("submitreview", **REVIEW_FORM)
    first, same, other = (front.intake.reviews[0][2] for front in fronts)
    assert first == same != other


async def test_who_sends_may_be_told_by_the_vendors_user_string() -> None:
    front = Storefront()
    token = "0" * 32 + b"date=20260301&userid=u-7&emailaddress=x".hex()
    await front.post("submitreview", **REVIEW_FORM, User=token)
    assert front.intake.reviews[0][1]["author"]["id"] == "u-7"


async def test_a_comment_goes_to_intake_in_its_words() -> None:
    front = Storefront()
    answer = await front.post(
        "submitreviewcomment", **COMMENT_FORM, Title="Yes", UserId="u-2", UserLocation="York", UserEmail="b@example.com"
    )
    ((site, review_id, comment, once),) = front.intake.comments
    assert (site, review_id) == ("shop", REVIEW)
    assert once is not None
    assert comment == {
        "author": {"id": "u-2", "name": "Ben", "email": "b@example.com"},
        "title": "Yes",
        "text": "I agree.",
        "locale": "en_US",
        "location": "York",
        "form": {"honeypot": ""},
    }
    assert answer["SubmissionId"] == "c4712"
    assert answer["Comment"]["Id"] == "4712"
    assert not answer["HasErrors"]
    wrong = await front.post("submitreviewcomment", Action="Submit", ReviewId=str(REVIEW))
    assert field_errors(wrong) == {"usernickname": "ERROR_FORM_REQUIRED", "commenttext": "ERROR_FORM_REQUIRED"}
    assert len(front.intake.comments) == 1


@pytest.mark.parametrize("review_id", ["7", "abc", "0", "99999999999999999999", str(COMMENT)])
async def test_only_public_reviews_are_commented_on(review_id: str) -> None:
    front = Storefront()
    answer = await front.post("submitreviewcomment", **COMMENT_FORM | {"ReviewId": review_id})
    assert codes(answer) == ["ERROR_PARAM_INVALID_SUBJECT_ID"]
    assert front.intake.comments == []


async def test_votes_and_reports() -> None:
    front = Storefront()
    assert (await front.post("submitfeedback", **VOTE))["Feedback"] == {
        "Helpfulness": {"Vote": "POSITIVE", "AuthorId": "u-1"}
    }
    report = {
        "ContentId": str(COMMENT),
        "ContentType": "REVIEW_COMMENT",
        "FeedbackType": "Inappropriate",
        "UserId": "u-1",
        "ReasonText": "Rude",
    }
    answer = await front.post("submitfeedback", **report)
    assert answer["Feedback"] == {"Inappropriate": {"ReasonText": "Rude", "AuthorId": "u-1"}}
    assert front.intake.feedback == [
        ("shop", "review", REVIEW, {"voter": {"id": "u-1"}, "kind": "helpfulness", "vote": "positive"}),
        (
            *("shop", "comment", COMMENT),
            {"voter": {"id": "u-1"}, "kind": "inappropriate", "vote": "inappropriate", "reason": "Rude"},
        ),
    ]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"ContentId": ""}, ["ERROR_PARAM_MISSING_SUBJECT_ID"]),
        ({"ContentId": "x"}, ["ERROR_PARAM_INVALID_SUBJECT_ID"]),
        ({"ContentId": "7"}, ["ERROR_PARAM_INVALID_SUBJECT_ID"]),
        ({"ContentType": "story"}, ["ERROR_PARAM_INVALID_PARAMETERS"]),
        ({"FeedbackType": "applause"}, ["ERROR_PARAM_INVALID_PARAMETERS"]),
        ({"Vote": "Perhaps"}, ["ERROR_PARAM_INVALID_PARAMETERS"]),
        ({"UserId": "u" * 256}, ["ERROR_PARAM_INVALID_PARAMETERS"]),
        ({"ReasonText": "x" * 2_001}, ["ERROR_PARAM_INVALID_PARAMETERS"]),
        ({"Vote": "", "ContentId": ""}, ["ERROR_PARAM_MISSING_SUBJECT_ID", "ERROR_PARAM_INVALID_PARAMETERS"]),
    ],
)
async def test_feedback_that_says_too_little(changes: dict[str, str], expected: list[str]) -> None:
    front = Storefront()
    assert codes(await front.post("submitfeedback", **VOTE | changes)) == expected
    assert front.intake.feedback == []


@pytest.mark.parametrize(
    ("peer", "network"),
    [
        ("203.0.113.9", "203.0.113.9/32"),
        ("2001:db8:1:2::9", "2001:db8:1:2::/64"),
        ("::ffff:203.0.113.9", "203.0.113.9/32"),
    ],
)
async def test_without_a_user_id_the_callers_network_is_the_voter(peer: str, network: str) -> None:
    front = Storefront()
    answer = await front.post("submitfeedback", peer, **VOTE | {"UserId": "", "User": "not a user string"})
    assert answer["Feedback"] == {"Helpfulness": {"Vote": "POSITIVE", "AuthorId": None}}
    report = VOTE | {"UserId": "", "FeedbackType": "inappropriate", "ReasonText": "Rude"}
    answer = await front.post("submitfeedback", peer, **report)
    assert answer["Feedback"] == {"Inappropriate": {"ReasonText": "Rude", "AuthorId": None}}
    assert [given["voter"] for _, _, _, given in front.intake.feedback] == [{"network": network}] * 2
    assert peer not in str(answer)


async def test_a_user_id_is_who_votes_whatever_the_network() -> None:
    front = Storefront()
    token = "0" * 32 + b"date=20260301&userid=u-7".hex()
    await front.post("submitfeedback", **VOTE)
    await front.post("submitfeedback", **VOTE | {"UserId": "", "User": token})
    assert [given["voter"] for _, _, _, given in front.intake.feedback] == [{"id": "u-1"}, {"id": "u-7"}]


@pytest.mark.parametrize("peer", ["", "socket"])
async def test_somebody_of_whom_nothing_is_known_cannot_vote(peer: str) -> None:
    front = Storefront()
    answer = await front.post("submitfeedback", peer, **VOTE | {"UserId": ""})
    assert codes(answer) == ["ERROR_PARAM_MISSING_USER_ID"]
    assert front.intake.feedback == []


async def test_a_previewed_vote_is_checked_and_not_given() -> None:
    front = Storefront()
    for action, count in (("preview", 0), ("Preview", 0), ("Submit", 1), ("", 2)):
        answer = await front.post("submitfeedback", **VOTE, Action=action)
        assert answer["Feedback"] == {"Helpfulness": {"Vote": "POSITIVE", "AuthorId": "u-1"}}
        assert len(front.intake.feedback) == count
    for changes, expected in (
        ({"Vote": "Perhaps"}, "ERROR_PARAM_INVALID_PARAMETERS"),
        ({"ContentId": "7"}, "ERROR_PARAM_INVALID_SUBJECT_ID"),
    ):
        assert codes(await front.post("submitfeedback", **VOTE | changes, Action="Preview")) == [expected]
    assert codes(await front.post("submitfeedback", **VOTE, Action="Delete")) == ["ERROR_PARAM_INVALID_PARAMETERS"]
    assert len(front.intake.feedback) == 2


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"ProductId": ""}, "ERROR_PARAM_MISSING_SUBJECT_ID"),
        ({"Locale": "nowhere at all"}, "ERROR_PARAM_INVALID_LOCALE"),
        ({"Action": "Delete"}, "ERROR_PARAM_INVALID_PARAMETERS"),
    ],
)
async def test_what_is_wrong_with_the_whole(changes: dict[str, str], expected: str) -> None:
    assert codes(await Storefront().post("submitreview", **REVIEW_FORM | changes)) == [expected]


async def test_the_version_of_the_api_is_asked_for() -> None:
    client = Storefront().client()
    for fields, expected in (
        ({}, "ERROR_PARAM_MISSING_PARAMETERS"),
        ({"ApiVersion": "4.9"}, "ERROR_UNSUPPORTED"),
    ):
        response = await client.post("/data/submitreview.json", data={"passkey": TOKEN, **fields})
        assert codes(response.json()) == [expected]


async def test_a_closed_site_takes_nothing() -> None:
    front = Storefront(Shop(settings=SiteSettings(enabled=False)))
    for endpoint, form in (("submitreview", REVIEW_FORM), ("submitfeedback", VOTE)):
        assert codes(await front.post(endpoint, **form)) == ["ERROR_ACCESS_DENIED"]
    assert front.intake.reviews == []


async def test_intakes_refusals_in_the_vendors_words() -> None:
    front = Storefront()
    front.intake.error = IntakeRefused(409, "ALREADY_REVIEWED", "there is one", None, None)
    answer = await front.post("submitreview", **REVIEW_FORM)
    assert codes(answer) == ["ERROR_DUPLICATE_SUBMISSION"]
    assert field_errors(answer) == {"userid": "ERROR_FORM_DUPLICATE"}
    message = "email is not an e-mail address; send one like name@example.com"
    front.intake.error = IntakeRefused(422, "VALIDATION_ERROR", message, "author.email", None)
    answer = await front.post("submitreview", **REVIEW_FORM)
    assert field_errors(answer) == {"useremail": "ERROR_FORM_INVALID_EMAILADDRESS"}
    assert answer["FormErrors"]["FieldErrors"]["useremail"]["Message"].startswith("useremail is not")
    front.intake.error = IntakeRefused(403, "SPAM", "automated", None, None)
    assert field_errors(await front.post("submitreview", **REVIEW_FORM)) == {"reviewtext": "ERROR_FORM_REJECTED"}
    front.intake.error = IntakeRefused(410, "REMOVED", "gone", None, None)
    assert codes(await front.post("submitreviewcomment", **COMMENT_FORM)) == ["ERROR_PARAM_INVALID_SUBJECT_ID"]
    assert codes(await front.post("submitfeedback", **VOTE)) == ["ERROR_PARAM_INVALID_SUBJECT_ID"]


async def test_intake_that_is_away_or_asks_to_wait() -> None:
    front = Storefront()
    for error, status, code in (
        (unavailable("away"), 503, "ERROR_UNKNOWN"),
        (IntakeRefused(429, "TOO_MANY_REQUESTS", "wait", None, "7"), 429, "ERROR_REQUEST_LIMIT_REACHED"),
        (RuntimeError("secret"), 500, "ERROR_UNKNOWN"),
    ):
        front.intake.error = error
        response = await front.client().post(
            "/data/submitreview.json",
            content=urlencode({"ApiVersion": "5.4", "PassKey": TOKEN, **REVIEW_FORM}),
            headers=FORM,
        )
        assert response.status_code == status
        assert codes(response.json()) == [code]
        assert "secret" not in response.text
        # Also what the edge refuses says how much of the quota is used.
        assert response.headers["x-bazaarvoice-qpm-current"]
        assert response.headers["cache-control"] == "no-store"
    assert response.json().keys() >= {"FormErrors", "SubmissionId"}


@pytest.mark.parametrize(
    ("content", "headers", "status", "code"),
    [
        (b"a=1", {"content-type": "multipart/form-data; boundary=x"}, 415, "ERROR_UNSUPPORTED"),
        (b'{"Rating": 5}', {"content-type": "application/json"}, 415, "ERROR_UNSUPPORTED"),
        (b"[]", {"content-type": "application/json"}, 415, "ERROR_UNSUPPORTED"),
        (b"{}", {"content-type": "text/plain"}, 415, "ERROR_UNSUPPORTED"),
        (b"{}", {"content-type": "application/json"}, 200, "ERROR_PARAM_INVALID_API_KEY"),
        (b"a=1", {"content-type": f"{FORM['content-type']}; charset=ebcdic"}, 415, "ERROR_UNSUPPORTED"),
        (b"a=" + b"x" * 300_000, FORM, 413, "ERROR_BAD_REQUEST"),
        (b"a=%ff", FORM, 200, "ERROR_BAD_REQUEST"),
        (b"a=\xff", FORM, 200, "ERROR_BAD_REQUEST"),
        (b"a=%00", FORM, 200, "ERROR_BAD_REQUEST"),
        (b"a=1&" * 501, FORM, 200, "ERROR_PARAM_INVALID_PARAMETERS"),
        (b"", FORM, 200, "ERROR_PARAM_INVALID_API_KEY"),
    ],
)
async def test_bodies_that_are_no_form(content: bytes, headers: dict[str, str], status: int, code: str) -> None:
    response = await Storefront().client().post("/data/submitreview.json", content=content, headers=headers)
    assert response.status_code == status
    assert codes(response.json()) == [code]


@pytest.mark.parametrize("content", [b"", b"{}", b" { }\r\n"])
@pytest.mark.parametrize("content_type", ["application/json", "Application/JSON; charset=utf-8"])
async def test_json_that_holds_nothing_is_no_body(content: bytes, content_type: str) -> None:
    front = Storefront()
    query = urlencode({"ApiVersion": "5.4", "PassKey": TOKEN, **VOTE})
    path = f"/data/submitfeedback.json?{query}"
    response = await front.client().post(path, content=content, headers={"content-type": content_type})
    assert (response.status_code, response.json()["HasErrors"]) == (200, False)
    assert len(front.intake.feedback) == 1


async def test_a_form_in_another_charset() -> None:
    front = Storefront()
    for content_type, name in (
        (f"{FORM['content-type']}; charset=ISO-8859-1", b"Zo%EB"),
        (FORM["content-type"], b"Zo%C3%AB"),
    ):
        content = (
            urlencode({"ApiVersion": "5.4", "PassKey": TOKEN, **REVIEW_FORM, "UserNickname": "@"})
            .encode()
            .replace(b"%40", name)
        )
        await front.client().post("/data/submitreview.json", content=content, headers={"content-type": content_type})
    assert [review["author"]["name"] for _, review, _ in front.intake.reviews] == ["Zoë", "Zoë"]


async def test_duplicates_are_tolerated_and_the_first_counts() -> None:
    front = Storefront()
    content = urlencode(
        [("rating", ""), ("passkey", TOKEN), ("apiversion", "5.4"), *REVIEW_FORM.items(), ("RATING", "1")]
    )
    await front.client().post("/data/submitreview.json", content=content, headers=FORM)
    assert front.intake.reviews[0][1]["rating"] == 4


async def test_submissions_count_against_the_senders_address() -> None:
    front = Storefront()
    front.writes = RateLimiter(Rate(0.1, 1), front.clock)
    client = front.client()
    content = urlencode({"ApiVersion": "5.4", "PassKey": TOKEN, **VOTE})
    answers = [await client.post("/data/submitfeedback.json", content=content, headers=FORM) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 429]
    assert codes(answers[1].json()) == ["ERROR_REQUEST_LIMIT_REACHED"]
    assert answers[1].headers["retry-after"] == "10"
    assert len(front.intake.feedback) == 1


NAMES = st.sampled_from(
    [
        *(
            "PassKey",
            "Action",
            "ProductId",
            "Rating",
            "Title",
            "ReviewText",
            "UserNickname",
            "Locale",
            "User",
            "UserId",
        ),
        *(
            "Rating_Quality",
            "ContextDataValue_Age",
            "tag_Pro_1",
            "tagid_Pro/Soft",
            "tagid_pro_0",
            "PhotoUrl_1",
            "PhotoUrl_0",
            "VideoUrl_1",
            "PhotoUrl_99",
            "ReviewId",
        ),
        *("CommentText", "ContentId", "ContentType", "FeedbackType", "Vote", "IsRatingsOnly", "callback", "UserEmail"),
    ]
)
VALUES = st.one_of(
    st.text(max_size=40),
    st.sampled_from(
        [
            TOKEN,
            "Submit",
            "Preview",
            "P1",
            "5",
            "true",
            str(REVIEW),
            "review",
            "helpfulness",
            "Positive",
            "[",
            "https://[",
        ]
    ),
)
ENDPOINTS = st.sampled_from(["submitreview", "submitreviewcomment", "submitfeedback"])


@given(ENDPOINTS, st.one_of(st.binary(max_size=300), st.lists(st.tuples(NAMES, VALUES), max_size=12)), st.booleans())
async def test_any_form_gets_an_envelope(endpoint: str, form: bytes | list[tuple[str, str]], with_key: bool) -> None:
    content = form if isinstance(form, bytes) else urlencode(form, errors="surrogatepass").encode()
    if with_key:
        content = f"ApiVersion=5.4&PassKey={TOKEN}&Action=Submit&".encode() + content
    response = await Storefront().client().post(f"/data/{endpoint}.json", content=content, headers=FORM)
    assert response.status_code == 200
    answer = response.json()
    assert answer["HasErrors"] == bool(answer["Errors"] or answer["FormErrors"])
    assert answer.keys() >= {"Locale", "Errors", "Form", "FormErrors", "SubmissionId", "TypicalHoursToPost", "Data"}
