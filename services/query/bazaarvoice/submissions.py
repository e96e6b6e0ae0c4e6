"""The submission endpoints: a form is read, judged, and where it was meant so, sent on to intake."""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

import orjson

from services.query.bazaarvoice import comment_submission, submission
from services.query.bazaarvoice.errors import Code, Refused, VendorError, refused
from services.query.bazaarvoice.feedback import NO_SUCH_CONTENT, ContentKind, read_feedback, read_id
from services.query.bazaarvoice.fields import Form, Value
from services.query.bazaarvoice.forms import comment_form, review_form
from services.query.bazaarvoice.locales import read_locale
from services.query.bazaarvoice.parameters import Parameters
from services.query.bazaarvoice.refusals import translate
from services.query.bazaarvoice.submission_envelope import Subject, SubmissionAnswer
from services.query.bazaarvoice.users import user_id_of
from services.query.core import query as core
from services.query.core.answers import Answer, Site
from services.query.core.query import Compare, Field, Op, Page, Query
from services.query.core.vocabulary import EMPTY, Vocabularies
from services.query.exchange import Request
from services.query.intake import IntakeRefused, StorefrontIntake
from shared.clock import Clock
from shared.events.settings import SiteSettings
from shared.pass_keys import PassKey

Endpoint = Literal["submitreview", "submitreviewcomment", "submitfeedback"]
Action = Literal["", "preview", "submit"]
_ACTIONS: dict[str, Action] = {"": "", "preview": "preview", "submit": "submit"}


@dataclass(frozen=True, slots=True)
class Rules:
    """What the operator decides for all sites."""

    terms_required: bool = True
    typical_hours_to_post: int = 24


class SubmissionReader(Protocol):
    """What of the core's reader submissions need; None means that there is no such site."""

    async def site(self, site: str) -> Site | None: ...

    async def vocabularies(self, site: str) -> Vocabularies | None: ...

    async def ask(self, query: Query) -> Answer | None: ...


class Submissions:
    """`caller` names whom a request counts against: two people may send the same words, one person sends them once,
    and has one vote. `secret` is one for all processes, so that they know a double click by the same digest."""

    def __init__(
        self,
        reader: SubmissionReader,
        intake: StorefrontIntake,
        clock: Clock,
        caller: Callable[[Request], str],
        rules: Rules,
        secret: bytes,
    ) -> None:
        self._reader = reader
        self._intake = intake
        self._clock = clock
        self._caller = caller
        self._rules = rules
        self._secret = secret

    async def answer(self, endpoint: Endpoint, request: Request, sent: Parameters, key: PassKey) -> SubmissionAnswer:
        """Raises Refused for what is wrong with the request as a whole, and Problem where a dialect does."""
        locale = read_locale(sent.scalar("locale"), key.locale)
        action = _ACTIONS.get(sent.scalar("action").lower())
        if action is None:
            raise refused(Code.INVALID_PARAMETERS, "Action must be Submit, Preview or empty.")
        if request.method != "POST" and (action == "submit" or endpoint == "submitfeedback"):
            raise refused(Code.BAD_REQUEST, "Nothing is submitted by GET: send the fields by POST.")
        found = await self._reader.site(key.site)
        if found is None or not found.settings.enabled:
            raise refused(Code.ACCESS_DENIED, "The site takes no submissions at present.")
        settings = found.settings
        match endpoint:
            case "submitreview":
                return await self._review(request, sent, key, settings, action, locale)
            case "submitreviewcomment":
                return await self._comment(request, sent, key, settings, action, locale)
            case _:
                return await self._feedback(request, sent, key, action, locale)

    async def _review(
        self, request: Request, sent: Parameters, key: PassKey, settings: SiteSettings, action: Action, locale: str
    ) -> SubmissionAnswer:
        if not sent.scalar("productid"):
            raise refused(Code.MISSING_SUBJECT_ID, "ProductId is missing: send the id of the product.")
        vocabularies = await self._reader.vocabularies(key.site)
        vocabulary = EMPTY if vocabularies is None else vocabularies.of(locale)
        form = review_form(settings, vocabulary, sent, self._rules.terms_required)

        async def send(values: Mapping[str, Value]) -> int:
            neutral = submission.neutral(
                values, vocabulary, user_id_of(sent), locale, incentivized=submission.is_incentivized(sent)
            )
            accepted = await self._intake.submit(key.site, neutral, self._once(request, key.site, neutral))
            return accepted.review_id

        def said(values: Mapping[str, Value], review_id: int | None) -> tuple[Subject, Mapping[str, object]]:
            return "Review", submission.said(values, self._clock.now())

        return await self._run(_Dialogue(form, "reviewtext", "r", send, said), sent, action, locale)

    async def _comment(
        self, request: Request, sent: Parameters, key: PassKey, settings: SiteSettings, action: Action, locale: str
    ) -> SubmissionAnswer:
        if not sent.scalar("reviewid"):
            raise refused(Code.MISSING_SUBJECT_ID, "ReviewId is missing: send the id of the review.")
        review_id = await self._public(key, "review", read_id(sent.scalar("reviewid")))

        async def send(values: Mapping[str, Value]) -> int:
            neutral = comment_submission.neutral(values, user_id_of(sent), locale)
            once = self._once(request, key.site, {"review_id": review_id, **neutral})
            return await self._intake.comment(key.site, review_id, neutral, once)

        def said(values: Mapping[str, Value], comment_id: int | None) -> tuple[Subject, Mapping[str, object]]:
            return "Comment", comment_submission.said(values, self._clock.now(), comment_id)

        return await self._run(_Dialogue(comment_form(settings), "commenttext", "c", send, said), sent, action, locale)

    async def _feedback(
        self, request: Request, sent: Parameters, key: PassKey, action: Action, locale: str
    ) -> SubmissionAnswer:
        given = read_feedback(sent, self._caller(request))
        content_id = await self._public(key, given.content_kind, given.content_id)
        answer = SubmissionAnswer(locale, subject=("Feedback", given.said()))
        if action == "preview":
            return answer
        # There is no form to be asked for: without an Action a vote is meant, as in the vendor's own examples.
        try:
            await self._intake.give_feedback(key.site, given.content_kind, content_id, given.neutral())
        except IntakeRefused as error:
            errors, wrong = translate(error, "reasontext")
            whole = [*errors, *(VendorError(Code.INVALID_PARAMETERS, one.message) for one in wrong)]
            raise Refused(whole) from None
        return answer

    async def _run(self, dialogue: _Dialogue, sent: Parameters, action: Action, locale: str) -> SubmissionAnswer:
        values, wrong = dialogue.form.read(sent)
        hours = self._rules.typical_hours_to_post
        errors: list[VendorError] = []
        if action == "submit" and not wrong:
            try:
                made = await dialogue.send(values)
            except IntakeRefused as error:
                errors, wrong = translate(error, dialogue.text_field)
            else:
                # The submission id that the content has when it is public.
                named = f"{dialogue.prefix}{made}"
                return SubmissionAnswer(locale, submission_id=named, hours=hours, subject=dialogue.said(values, made))
        return SubmissionAnswer(
            locale,
            errors=errors,
            # Whoever only asks for the form has not filled it in yet.
            field_errors=wrong if action else (),
            form=dialogue.form.listing(),
            data=dialogue.form.data(sent),
            hours=hours,
            subject=dialogue.said(values, None),
        )

    async def _public(self, key: PassKey, kind: ContentKind, content_id: int | None) -> int:
        """Raises Refused for content that is not public, with the same words whether it exists or not."""
        if content_id is not None:
            subject, field = _SUBJECTS[kind]
            conditions = (Compare(field, Op.IN, (content_id,)),)
            query = Query(subject, key.site, Page(1), conditions, excludes_syndicated=key.excludes_syndicated)
            answer = await self._reader.ask(query)
            if answer is not None and answer.rows:
                return content_id
        raise Refused([NO_SUCH_CONTENT])

    def _once(self, request: Request, site: str, neutral: Mapping[str, object]) -> str:
        """An Idempotency-Key by which a double click sends once. All visitors' keys come under our own API key there,
        so it holds who sends: of two people with the same words, both are heard. Intake keeps it for a day, and without
        the secret nobody can try out from which address a review came."""
        said = orjson.dumps([self._caller(request), site, neutral])
        return hmac.digest(self._secret, said, "sha256").hex()


@dataclass(frozen=True, slots=True)
class _Dialogue:
    """A form, what to do with good values (the new id comes back), and what to say back of them."""

    form: Form
    text_field: str
    prefix: Literal["r", "c"]
    send: Callable[[Mapping[str, Value]], Awaitable[int]]
    said: Callable[[Mapping[str, Value], int | None], tuple[Subject, Mapping[str, object]]]


_SUBJECTS: Mapping[ContentKind, tuple[core.Subject, Field]] = {
    "review": (core.Subject.REVIEWS, Field.REVIEW_ID),
    "comment": (core.Subject.COMMENTS, Field.COMMENT_ID),
}
