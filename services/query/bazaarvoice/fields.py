"""Fields of a submission form: what each takes, how it is described to clients, and what is wrong with a value."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, assert_never

from services.query.bazaarvoice.form_errors import FieldError, FormCode
from services.query.bazaarvoice.parameters import Parameters, read_boolean
from shared.events.content import MAX_URL

Value = str | int | bool | None
Type = Literal["TextInput", "TextAreaInput", "IntegerInput", "BooleanInput", "SelectInput"]

_WHOLE = re.compile(r"[+-]?[0-9]{1,9}", re.ASCII)
_LINE_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s]+\.[^@\s.]+")
# No credentials before the host, and nothing after it that would end an attribute or a tag of a page.
_URL = re.compile(r"https?://[\w\[][^\s/?#@<>\"'`\\]*(?:[/?#][^\s<>\"`\\]*)?", re.IGNORECASE)


class Option(NamedTuple):
    value: str
    label: str


@dataclass(frozen=True, slots=True)
class Field:
    """`id` is its name as clients see it; they may send it in any case. `what` names it in messages: `a nickname`.

    `least` and `most` bound the length of text, or the value of a number.
    """

    id: str
    type: Type
    what: str
    required: bool = False
    label: str | None = None
    least: int = 0
    most: int = 255
    options: tuple[Option, ...] = ()
    form: Literal["any", "email", "url"] = "any"
    must_be_true: bool = False
    default: str | None = None
    described: bool = True
    """Or clients know it without being told: then it is listed by its id only."""

    def read(self, sent: Parameters) -> tuple[Value, FieldError | None]:
        """The value, None where nothing (or nothing good) was sent."""
        text = sent.scalar(self.id.lower())
        if not text:
            return None, self._missing() if self.required else None
        value: Value
        match self.type:
            case "TextInput" | "TextAreaInput":
                value = text.replace("\r\n", "\n").replace("\r", "\n")
                error = self._wrong_text(value)
            case "IntegerInput":
                value, error = self._whole(text)
            case "BooleanInput":
                value = read_boolean(text)
                error = None if value is not None else self._error(FormCode.INVALID_OPTION, "must be true or false")
            case "SelectInput":
                value = self._option(text)
                if value is None and self._means_none(text):
                    return None, self._missing() if self.required else None
                error = (
                    None if value is not None else self._error(FormCode.INVALID_OPTION, "must be one of its options")
                )
            case _:
                assert_never(self.type)
        if error is None and self.must_be_true and value is not True:
            error = self._missing()
        return (value, None) if error is None else (None, error)

    def describe(self, sent: Parameters) -> dict[str, object]:
        """As in `Data.Fields`; `Value` is what was sent, and no more than the longest that the field takes."""
        given = sent.scalar(self.id.lower())[: max(self.most, 100)] or None
        if given and self.type == "SelectInput":
            given = self._option(given) or given
        chosen = given or ""
        may_be_empty = self.type == "SelectInput" and not self.required
        options = (Option("", ""), *self.options) if may_be_empty else self.options
        is_text = self.type in ("TextInput", "TextAreaInput")
        return {
            "Options": [
                {"Label": option.label, "Value": option.value, "Selected": option.value == chosen} for option in options
            ],
            "Type": "SelectInput" if self.options else self.type,
            "Required": self.required,
            "Label": self.label,
            "Value": given or self.default,
            "MinLength": self.least if is_text else None,
            "Id": self.id,
            "MaxLength": self.most if is_text else None,
            "Default": None,
        }

    def _option(self, text: str) -> str | None:
        """In the option's own spelling: clients send booleans in lower case, whatever the form shows."""
        values = [option.value for option in self.options]
        if text in values:
            return text
        return next((value for value in values if value.casefold() == text.casefold()), None)

    def _means_none(self, text: str) -> bool:
        """The vendor's checkboxes have `True` alone for an option, and clients send `false` for those left empty."""
        return text.lower() == "false" and all(read_boolean(option.value) is not None for option in self.options)

    def _missing(self) -> FieldError:
        if self.must_be_true:
            return self._error(FormCode.REQUIRES_TRUE, f"You must agree to {self.what}.")
        return self._error(FormCode.REQUIRED, f"You must enter {self.what}.")

    def _whole(self, text: str) -> tuple[int | None, FieldError | None]:
        if not _WHOLE.fullmatch(text):
            return None, self._error(FormCode.INVALID, f"must be a whole number from {self.least} to {self.most}")
        value = int(text)
        if value < self.least:
            return None, self._error(FormCode.TOO_LOW, f"must be at least {self.least}")
        if value > self.most:
            return None, self._error(FormCode.TOO_HIGH, f"must be at most {self.most}")
        return value, None

    def _wrong_text(self, text: str) -> FieldError | None:
        if len(text) < self.least:
            return self._error(FormCode.TOO_SHORT, f"must have at least {self.least} characters")
        if len(text) > self.most:
            return self._error(FormCode.TOO_LONG, f"must have at most {self.most} characters; shorten it")
        if (_CONTROLS if self.type == "TextAreaInput" else _LINE_CONTROLS).search(text):
            return self._error(FormCode.PATTERN_MISMATCH, "holds a control character or a line break; remove it")
        if self.form == "email" and not _EMAIL.fullmatch(text):
            return self._error(
                FormCode.INVALID_EMAILADDRESS, "is not an e-mail address; send one like name@example.com"
            )
        if self.form == "url" and not _URL.fullmatch(text):
            return self._error(
                FormCode.PATTERN_MISMATCH, "must be a whole http or https address, such as https://shop.example/1.jpg"
            )
        return None

    def _error(self, code: FormCode, message: str) -> FieldError:
        whole = message if message.startswith("You ") else f"{self.id} {message}."
        return FieldError(self.id, code, whole)


def url(name: str, what: str) -> Field:
    return Field(name, "TextInput", what, most=MAX_URL, form="url")


@dataclass(frozen=True, slots=True)
class Group:
    """Fields that belong together, shown as one."""

    id: str
    members: tuple[Field | Group, ...]


Element = Field | Group


class Form:
    """The elements in the order in which they are shown."""

    def __init__(self, elements: Sequence[Element]) -> None:
        self._elements = tuple(elements)

    def fields(self) -> Iterator[Field]:
        for element in self._elements:
            if isinstance(element, Field):
                yield element
            else:
                yield from _fields_of(element)

    def read(self, sent: Parameters) -> tuple[Mapping[str, Value], list[FieldError]]:
        """Good values by the field's id, and everything that is wrong, in the form's order."""
        values: dict[str, Value] = {}
        errors: list[FieldError] = []
        for field in self.fields():
            value, error = field.read(sent)
            if error is not None:
                errors.append(error)
            elif value is not None:
                values[field.id] = value
        return values, errors

    def listing(self) -> list[dict[str, str]]:
        return [_named(element) for element in self._elements]

    def data(self, sent: Parameters) -> dict[str, object]:
        fields = {field.id: field.describe(sent) for field in self.fields() if field.described}
        groups = {group.id: _describe(group) for group in self._groups()}
        return {"Fields": fields, "FieldsOrder": list(fields), "Groups": groups, "GroupsOrder": list(groups)}

    def _groups(self) -> Iterator[Group]:
        for element in self._elements:
            if isinstance(element, Group):
                yield element
                for member in element.members:
                    if isinstance(member, Group):
                        yield member


def _fields_of(group: Group) -> Iterator[Field]:
    for member in group.members:
        if isinstance(member, Field):
            yield member
        else:
            yield from _fields_of(member)


def _named(element: Element) -> dict[str, str]:
    return {"Type": "Group" if isinstance(element, Group) else "Field", "Id": element.id}


def _describe(group: Group) -> dict[str, object]:
    return {
        "Type": "InputGroup",
        "SubElements": [_named(member) for member in group.members if isinstance(member, Group) or member.described],
        "Required": False,
        "Label": None,
        "Id": group.id,
    }
