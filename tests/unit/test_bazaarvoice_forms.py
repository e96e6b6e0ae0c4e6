"""Forms as the documentation shows them, and what fields say of themselves."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest

from services.query.bazaarvoice import (
    comment_submission,
    conversations,
    feedback,
    locales,
    parameters,
    posted,
    refusals,
    submissions,
)
from services.query.bazaarvoice.errors import BAD_PASS_KEY, Code
from services.query.bazaarvoice.fields import Field
from services.query.bazaarvoice.form_errors import FieldError, FormCode, render
from services.query.bazaarvoice.forms import comment_form, review_form
from services.query.bazaarvoice.parameters import Parameters
from services.query.bazaarvoice.question import check_version
from shared.events.settings import FieldSettings, FormFields, SiteSettings
from shared.events.vocabulary import AdditionalFieldTerm, ContextDataTerm, SecondaryRatingTerm, TagTerm, Vocabulary

DOCUMENT = Path(__file__).parents[2] / "docs" / "bazaarvoice-submission.md"
NOTHING = Parameters([])
VOCABULARY = Vocabulary(
    secondary_ratings=(SecondaryRatingTerm(id="X"),),
    context_data=(ContextDataTerm(id="X"),),
    tags=(TagTerm(id="X"),),
    additional_fields=(AdditionalFieldTerm(id="X"),),
)


def table(name: str) -> list[list[str]]:
    text = DOCUMENT.read_text()
    _, _, rest = text.partition(f"<!-- {name} -->\n")
    inside, found, _ = rest.partition(f"<!-- /{name} -->")
    assert found
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in inside.splitlines()[2:]]


def fields(settings: SiteSettings | None = None, sent: Parameters = NOTHING) -> dict[str, Field]:
    form = review_form(settings or SiteSettings(), VOCABULARY, sent, terms_required=True)
    return {field.id: field for field in form.fields()}


def test_documented_fields_are_those_of_the_form() -> None:
    documented = {name for row in table("review fields") for name in re.findall(r"`([a-z_Xn]+)`", row[0])}
    numbered = {re.sub(r"_[0-9]+$", "_n", name) for name in fields()}
    assert numbered == documented


def test_documented_limits_are_those_of_the_form() -> None:
    known = fields()
    for names, takes, _ in table("review fields"):
        name = re.findall(r"`([a-z_Xn]+)`", names)[0].replace("_n", "_1")
        if most := re.search(r"(?:up to|to) ([0-9,]+)", takes):
            assert known[name].most == int(most[1].replace(",", "")), name
        if least := re.match(r"([0-9]+) to", takes):
            assert known[name].least == int(least[1]), name


def test_documented_codes_are_those_of_forms() -> None:
    assert [row[0].strip("`") for row in table("form codes")] == sorted(FormCode)


def test_documented_errors_are_those_of_submissions() -> None:
    modules = (submissions, comment_submission, feedback, posted, refusals, conversations, locales, parameters)
    sources = [*(inspect.getsource(module) for module in modules), inspect.getsource(check_version)]
    used = {Code[name] for source in sources for name in re.findall(r"(?<!Form)Code\.([A-Z_]+)", source)}
    documented = [Code(row[0].strip("`")) for row in table("submission errors")]
    assert documented == sorted(used | {BAD_PASS_KEY.code})
    never = re.findall(r"`(ERROR_[A-Z_]+)` is never sent", DOCUMENT.read_text())
    package = Path(inspect.getfile(submissions)).parent
    assert never == [Code.PARAM_DUPLICATE_SUBMISSION]
    assert not [file for file in package.glob("*.py") if "Code.PARAM_DUPLICATE_SUBMISSION" in file.read_text()]


@pytest.mark.parametrize(
    ("sent", "name", "shown"),
    [
        ("photourl_9", "photocaption_9", True),
        ("photourl_20", "photourl_20", True),
        ("photourl_21", "photourl_21", False),
        ("photourl_x", "photourl_7", False),
        ("photourl_0", "photocaption_0", True),
        ("videourl_1", "videourl_0", False),
        ("tag_x_0", "tag_X_0", True),
        ("tagid_x_0", "tagid_X_0", True),
        ("tagid_x_21", "tagid_X_21", False),
        ("tagid_x/soft", "tagid_X/soft", True),
        ("tag_x_20", "tag_X_20", True),
        ("tag_x_21", "tag_X_21", False),
        ("videourl_2", "videourl_2", True),
    ],
)
def test_numbered_fields_grow_with_what_is_sent(sent: str, name: str, shown: bool) -> None:
    assert (name in fields(sent=Parameters([(sent, "https://img.example/1.jpg")]))) == shown


@pytest.mark.parametrize(
    ("settings", "shown", "required"),
    [
        (SiteSettings(), True, False),
        (SiteSettings(allow_anonymous=False), True, True),
        (SiteSettings(fields=FormFields(email=FieldSettings(enabled=False))), False, False),
        (SiteSettings(allow_anonymous=False, fields=FormFields(email=FieldSettings(enabled=False))), True, True),
        (SiteSettings(fields=FormFields(email=FieldSettings(required=True))), True, True),
    ],
)
def test_the_email_is_asked_for_as_the_site_says(settings: SiteSettings, shown: bool, required: bool) -> None:
    for known in (fields(settings), {field.id: field for field in comment_form(settings).fields()}):
        assert ("useremail" in known) == shown
        if shown:
            assert known["useremail"].required == required


def test_a_rating_is_chosen_from_options_where_every_value_has_a_label() -> None:
    some = SecondaryRatingTerm(id="Fit", range=3, value_labels={"1": "Small", "3": "Large"})
    every = some.model_copy(update={"value_labels": {"1": "Small", "2": "Right", "3": "Large"}})
    for term, kind in ((some, "IntegerInput"), (every, "SelectInput")):
        form = review_form(SiteSettings(), Vocabulary(secondary_ratings=(term,)), NOTHING, terms_required=True)
        described = {field.id: field.describe(NOTHING) for field in form.fields()}["rating_Fit"]
        assert described["Type"] == kind
        (field,) = (field for field in form.fields() if field.id == "rating_Fit")
        assert field.read(Parameters([("rating_fit", "2")])) == (2, None)


def test_an_option_that_was_sent_is_selected() -> None:
    term = ContextDataTerm(id="Age", value_labels={"young": "Young", "old": "Old"})
    form = review_form(SiteSettings(), Vocabulary(context_data=(term,)), NOTHING, terms_required=True)
    sent = Parameters([("contextdatavalue_age", "old")])
    (field,) = (field for field in form.fields() if field.id == "contextdatavalue_Age")
    assert field.describe(sent)["Options"] == [
        {"Label": "", "Value": "", "Selected": False},
        {"Label": "Young", "Value": "young", "Selected": False},
        {"Label": "Old", "Value": "old", "Selected": True},
    ]
    assert form.data(sent)["FieldsOrder"]


@pytest.mark.parametrize(
    ("options", "sent", "found"),
    [
        ("True", "True", "True"),
        ("True", "true", "True"),
        ("True", "TRUE", "True"),
        ("True", "false", None),
        ("True", "False", None),
        ("True False", "FALSE", "False"),
        ("true False", "fALSE", "False"),
        ("18to24 17orUnder", "17ORUNDER", "17orUnder"),
        ("a A", "A", "A"),
        ("True", "yes", FormCode.INVALID_OPTION),
        ("True Perhaps", "false", FormCode.INVALID_OPTION),
        ("18to24", "false", FormCode.INVALID_OPTION),
    ],
)
@pytest.mark.parametrize("required", [False, True])
def test_options_are_taken_in_any_case(options: str, sent: str, found: str | FormCode | None, required: bool) -> None:
    term = ContextDataTerm(id="Age", value_labels={value: value for value in options.split()}, required=required)
    form = review_form(SiteSettings(), Vocabulary(context_data=(term,)), NOTHING, terms_required=True)
    given = Parameters([("contextdatavalue_age", sent)])
    (field,) = (field for field in form.fields() if field.id == "contextdatavalue_Age")
    value, error = field.read(given)
    if found is None and required:
        found = FormCode.REQUIRED
    assert (value if error is None else error.code) == found
    chosen = [option["Value"] for option in shown_options(field, given) if option["Selected"]]
    if error is None and value:
        assert (chosen, field.describe(given)["Value"]) == ([found], found)
    else:
        assert chosen == []


def shown_options(field: Field, sent: Parameters) -> list[dict[str, object]]:
    options = field.describe(sent)["Options"]
    assert isinstance(options, list)
    return options


def test_nothing_is_numbered_from_0_unless_it_was_sent_so() -> None:
    assert not [name for name in fields() if name.endswith("_0")]
    sent = Parameters([("photourl_0", "https://img.example/0.jpg"), ("tag_x_0", "Soft")])
    form = review_form(SiteSettings(), VOCABULARY, sent, terms_required=True)
    groups = form.data(sent)["Groups"]
    assert isinstance(groups, dict)
    assert [one["Id"] for one in groups["photo"]["SubElements"]] == [f"photo_{number}" for number in range(7)]
    assert [one["Id"] for one in groups["tag_X"]["SubElements"]] == [f"tag_X_{number}" for number in range(6)]


def test_other_names_of_tags_are_taken_and_not_shown() -> None:
    sent = Parameters([("tagid_X/Quite Soft", "true"), ("TAGID_x_3", "Warm")])
    form = review_form(SiteSettings(), VOCABULARY, sent, terms_required=True)
    assert form.read(sent)[0] == {"tagid_X/Quite Soft": True, "tagid_X_3": "Warm"}
    data = form.data(sent)
    assert "tagid" not in str(data)
    assert data == review_form(SiteSettings(), VOCABULARY, NOTHING, terms_required=True).data(NOTHING)


def test_a_field_has_one_error_the_first() -> None:
    errors = [FieldError("a", FormCode.REQUIRED, "One."), FieldError("a", FormCode.INVALID, "Two.")]
    assert render(errors) == {
        "FieldErrors": {"a": {"Field": "a", "Message": "One.", "Code": "ERROR_FORM_REQUIRED"}},
        "FieldErrorsOrder": ["a"],
        "GroupErrors": {},
        "GroupErrorsOrder": [],
    }
    assert render([]) == {}
