"""The Conversations API as one dialect of the edge: which path is which endpoint, and who may ask it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from services.query.bazaarvoice import display
from services.query.bazaarvoice.errors import Code, Refused, VendorError
from services.query.bazaarvoice.gate import Gate
from services.query.bazaarvoice.jsonp import read_callback, wrap
from services.query.bazaarvoice.parameters import read_parameters
from services.query.bazaarvoice.posted import read_form
from services.query.bazaarvoice.question import check_version
from services.query.bazaarvoice.submission_envelope import SubmissionAnswer
from services.query.bazaarvoice.submissions import Endpoint, Submissions
from services.query.exchange import NO_STORE, Request, Response
from services.query.problem import Problem, method_not_allowed, not_found
from shared.pass_keys import PassKey

PREFIX = "/data"
SUBMISSION: Mapping[str, Endpoint] = {
    "submitreview.json": "submitreview",
    "submitreviewcomment.json": "submitreviewcomment",
    "submitfeedback.json": "submitfeedback",
}
ROUTE = "bazaarvoice.submission"
"""Of answers of the submission endpoints, in metrics."""

_CODES = {
    405: Code.UNSUPPORTED,
    415: Code.UNSUPPORTED,
    429: Code.REQUEST_LIMIT_REACHED,
    500: Code.UNKNOWN,
    503: Code.UNKNOWN,
}


class DisplaysContent(Protocol):
    async def answer(self, endpoint: str, request: Request, pass_key: PassKey) -> Response: ...


class Conversations:
    def __init__(self, displayed: DisplaysContent, submissions: Submissions, gate: Gate) -> None:
        self._display = displayed
        self._submissions = submissions
        self._gate = gate

    async def answer(self, request: Request) -> Response:
        endpoint = _endpoint(request.path)
        displays = endpoint in display.ENDPOINTS
        if request.method != "GET" and (displays or request.method != "POST"):
            raise method_not_allowed(self.allowed(request))
        key: PassKey | None = None
        try:
            if displays:
                key = await self._gate.admit(request)
                return await self._display.answer(endpoint, request, key)
            sent = read_parameters(request.query)
            if request.method == "POST":
                # The vendor has a vote's fields, and the product and review of the others, in the address.
                sent = (await read_form(request)).or_else(sent)
            key = await self._gate.admit(request, sent)
            check_version(sent)
            answer = await self._submissions.answer(SUBMISSION[endpoint], request, sent, key)
        except Refused as refused:
            return _refuse(request, refused.errors, None if key is None else key.locale)
        return _submission(ROUTE, request, answer)

    def refuse(self, request: Request, problem: Problem) -> Response:
        code = _CODES.get(problem.status, Code.BAD_REQUEST)
        response = _refuse(request, [VendorError(code, detail.message) for detail in problem.details], None)
        response.status = problem.status
        if problem.status == 429:
            response.headers.append((b"x-bazaarvoice-error-detail", b"request limit reached"))
        return response

    def allowed(self, request: Request) -> str:
        return "GET, HEAD, OPTIONS" if _endpoint(request.path) in display.ENDPOINTS else "GET, HEAD, POST, OPTIONS"


def _endpoint(path: str) -> str:
    """Raises Problem 404."""
    name = path.removeprefix(f"{PREFIX}/")
    if name not in display.ENDPOINTS and name not in SUBMISSION:
        known = ", ".join(sorted([*display.ENDPOINTS, *SUBMISSION]))
        raise not_found(f"There is nothing at this path. Below {PREFIX} there are {known}.")
    return name


def _refuse(request: Request, errors: Sequence[VendorError], locale: str | None) -> Response:
    if request.path.removeprefix(f"{PREFIX}/") in SUBMISSION:
        return _submission(display.REFUSED, request, SubmissionAnswer(locale, errors=errors))
    return display.refuse(request.query, errors, locale)


def _submission(route: str, request: Request, answer: SubmissionAnswer) -> Response:
    try:
        callback = read_callback(read_parameters(request.query).scalar("callback"))
    except Refused:
        # What cannot be trusted is not called.
        callback = None
    body, content_type = wrap(answer.body(), callback)
    return Response(route, 200, body, [content_type, NO_STORE])
