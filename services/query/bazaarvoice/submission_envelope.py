"""What every answer of the submission endpoints comes in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import orjson

from services.query.bazaarvoice import form_errors
from services.query.bazaarvoice.errors import VendorError
from services.query.bazaarvoice.form_errors import FieldError

Subject = Literal["Review", "Comment", "Feedback"]


@dataclass(frozen=True, slots=True)
class SubmissionAnswer:
    """`locale` is None where nobody knows whose question it was (a bad pass key)."""

    locale: str | None
    errors: Sequence[VendorError] = ()
    field_errors: Sequence[FieldError] = ()
    form: Sequence[Mapping[str, str]] = ()
    data: Mapping[str, object] = field(default_factory=dict)
    submission_id: str | None = None
    hours: int | None = None
    subject: tuple[Subject, Mapping[str, object]] | None = None

    def body(self) -> bytes:
        answer: dict[str, object] = {
            "Locale": self.locale,
            "Errors": [{"Message": error.message, "Code": error.code.value} for error in self.errors],
            "Form": list(self.form),
            "FormErrors": form_errors.render(self.field_errors),
            "SubmissionId": self.submission_id,
            "TypicalHoursToPost": self.hours,
            "Data": self.data,
        }
        if self.subject is not None:
            name, said = self.subject
            answer[name] = said
        if self.subject is None or self.subject[0] != "Feedback":
            # Nobody is known here by anything but what they send: there is nothing to remember them by.
            answer["AuthorSubmissionToken"] = None
        answer["HasErrors"] = bool(self.errors or self.field_errors)
        return orjson.dumps(answer)
