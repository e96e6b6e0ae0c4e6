"""The forms by which people send reviews and comments to one site, in one locale."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from services.query.bazaarvoice.fields import Element, Field, Form, Group, Option, url
from services.query.bazaarvoice.parameters import Parameters, read_boolean
from shared.events.content import (
    MAX_CAPTION,
    MAX_DIMENSION_VALUE,
    MAX_ENTITY_ID,
    MAX_LOCATION,
    MAX_MEDIA,
    MAX_NAME,
    MAX_SOURCE_ID,
    MAX_TAGS,
    MAX_TEXT,
)
from shared.events.settings import SiteSettings
from shared.events.vocabulary import Vocabulary

SHORTEST_NAME = 2
LONGEST_TITLE = 255
LONGEST_EMAIL = 254
# As many as are shown where nothing was sent; more may be sent, up to the most that content can have.
PHOTOS, VIDEOS, TAGS = 6, 1, 5

_PRODUCT = Field("productid", "TextInput", "a product id", least=1, described=False)
_REVIEW = Field("reviewid", "TextInput", "a review id", least=1, described=False)
_KNOWN = (
    Field("userid", "TextInput", "a user id", most=MAX_SOURCE_ID, described=False),
    Field("campaignid", "TextInput", "a campaign id", most=MAX_ENTITY_ID, described=False),
)


def review_form(settings: SiteSettings, vocabulary: Vocabulary, sent: Parameters, terms_required: bool) -> Form:
    """Only what the site asks for: a field that it does not show is not collected either."""
    ratings_only = read_boolean(sent.scalar("isratingsonly")) is True
    title = settings.fields.title
    elements: list[Element] = [
        *_sender(settings),
        Field(
            "agreedtotermsandconditions",
            "BooleanInput",
            "the terms and conditions",
            required=terms_required,
            must_be_true=True,
            default="false",
        ),
    ]
    elements += _group(
        "contextdatavalue",
        [_context_data(term.id, term.label, term.value_labels, term.required) for term in vocabulary.context_data],
    )
    elements += _group(
        "additionalfield", [_additional(term.id, term.label, term.required) for term in vocabulary.additional_fields]
    )
    if title.enabled:
        elements.append(Field("title", "TextInput", "a title", title.required, most=LONGEST_TITLE))
    elements += [
        Field("reviewtext", "TextAreaInput", "review text", not ratings_only, least=1, most=MAX_TEXT),
        Field(
            *("rating", "IntegerInput", "a value for overall rating"),
            required=True,
            least=settings.min_rating,
            most=settings.max_rating,
        ),
        Field("isrecommended", "BooleanInput", "whether you recommend it"),
    ]
    elements += _group(
        "rating",
        [
            _secondary(term.id, term.label, term.range, term.value_labels, term.required)
            for term in vocabulary.secondary_ratings
        ],
    )
    elements += _group("tag", [_tags(term.id, term.label, sent) for term in vocabulary.tags])
    elements += [
        _media("photo", "a photo", _numbers("photourl_", sent, PHOTOS, MAX_MEDIA)),
        _media("video", "a video", _numbers("videourl_", sent, VIDEOS, MAX_MEDIA)),
        Field("isratingsonly", "BooleanInput", "whether it is a rating only", default="false"),
        Field("netpromoterscore", "IntegerInput", "a score", most=10, described=False),
        _PRODUCT,
        *_KNOWN,
    ]
    return Form(elements)


def comment_form(settings: SiteSettings) -> Form:
    return Form(
        [
            *_sender(settings),
            Field("title", "TextInput", "a title", most=LONGEST_TITLE),
            Field("commenttext", "TextAreaInput", "comment text", required=True, least=1, most=MAX_TEXT),
            _REVIEW,
            *_KNOWN,
        ]
    )


def _sender(settings: SiteSettings) -> list[Element]:
    email = settings.fields.email
    required = not settings.allow_anonymous or (email.enabled and email.required)
    elements: list[Element] = [
        Field("usernickname", "TextInput", "a nickname", required=True, least=SHORTEST_NAME, most=MAX_NAME),
        Field("userlocation", "TextInput", "a location", most=MAX_LOCATION),
    ]
    if email.enabled or required:
        elements.append(
            Field("useremail", "TextInput", "an e-mail address", required, most=LONGEST_EMAIL, form="email")
        )
    return elements


def _group(name: str, members: list[Field] | list[Group]) -> list[Element]:
    return [Group(name, tuple(members))] if members else []


def _context_data(name: str, label: str | None, values: Mapping[str, str], required: bool) -> Field:
    known = f"contextdatavalue_{name}"
    if not values:
        return Field(known, "TextInput", "a value", required, label, most=MAX_DIMENSION_VALUE)
    return Field(known, "SelectInput", "a value", required, label, options=_options(values))


def _secondary(name: str, label: str | None, most: int, values: Mapping[str, str], required: bool) -> Field:
    """To choose from where every value has a label."""
    known, all_values = f"rating_{name}", [str(value) for value in range(1, most + 1)]
    options = tuple(Option(value, values[value]) for value in all_values if value in values)
    shown = options if len(options) == most else ()
    return Field(known, "IntegerInput", "a rating", required, label, least=1, most=most, options=shown)


def _additional(name: str, label: str | None, required: bool) -> Field:
    return Field(f"additionalfield_{name}", "TextInput", "a value", required, label, most=MAX_DIMENSION_VALUE)


def _tags(name: str, label: str | None, sent: Parameters) -> Group:
    """Clients name tags `tag_X_1` as the form does, `tagid_X_1`, or `tagid_X/Value` with `true`."""
    numbers = _numbers(f"tag_{name}_".lower(), sent, TAGS, MAX_TAGS)
    also = sorted(_sent_numbers(f"tagid_{name}_".lower(), sent, MAX_TAGS))
    ticked = sent.names_after(f"tagid_{name}/".lower())
    fields = [
        *(
            Field(f"tag_{name}_{number}", "TextInput", "a tag", label=label, most=MAX_DIMENSION_VALUE)
            for number in numbers
        ),
        *(
            Field(f"tagid_{name}_{number}", "TextInput", "a tag", most=MAX_DIMENSION_VALUE, described=False)
            for number in also
        ),
        *(Field(f"tagid_{name}/{value}", "BooleanInput", "a tag", described=False) for value in ticked),
    ]
    return Group(f"tag_{name}", tuple(fields))


def _media(kind: str, what: str, numbers: Iterable[int]) -> Group:
    return Group(
        kind,
        tuple(
            Group(
                f"{kind}_{number}",
                (
                    url(f"{kind}url_{number}", what),
                    Field(f"{kind}caption_{number}", "TextInput", "a caption", most=MAX_CAPTION),
                ),
            )
            for number in numbers
        ),
    )


def _options(values: Mapping[str, str]) -> tuple[Option, ...]:
    return tuple(Option(value, label) for value, label in values.items())


def _numbers(prefix: str, sent: Parameters, shown: int, most: int) -> list[int]:
    """Of the numbered fields that the form needs for what was sent: from 1, and 0 only for who counts from there."""
    numbers = _sent_numbers(prefix, sent, most)
    return sorted(numbers | set(range(1, max(shown, *numbers, 0) + 1)))


def _sent_numbers(prefix: str, sent: Parameters, most: int) -> set[int]:
    """Numbers above the most are unknown fields."""
    numbers = (int(number) for number, _ in sent.typed(prefix) if number.isdecimal() and len(number) < 4)
    return {number for number in numbers if number <= most}
