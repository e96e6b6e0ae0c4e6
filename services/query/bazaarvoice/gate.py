"""Who may ask: the pass key of a call, and whether it has calls left."""

from __future__ import annotations

import re
from typing import Protocol
from urllib.parse import unquote_plus

from services.query.bazaarvoice.errors import BAD_PASS_KEY, Refused
from services.query.bazaarvoice.parameters import Parameters
from services.query.bazaarvoice.quotas import Quotas
from services.query.exchange import Request
from services.query.problem import problem
from shared.pass_keys import PassKey

# Before anything else of a query is read, for most of what is asked with a bad key is no query at all.
_PASS_KEY = re.compile(rb"(?:^|&)passkey=([^&]+)", re.IGNORECASE)


class FindsPassKeys(Protocol):
    async def find(self, token: str) -> PassKey | None: ...


class Gate:
    def __init__(self, pass_keys: FindsPassKeys, quotas: Quotas) -> None:
        self._pass_keys = pass_keys
        self._quotas = quotas

    async def admit(self, request: Request, form: Parameters | None = None) -> PassKey:
        """The pass key of the form, else of the address. Its quotas go with the answer, whatever that will be.

        Raises Refused without a good key, and Problem 429 for a key that has no calls left.
        """
        token = (form.scalar("passkey") if form is not None else "") or pass_key_of(request.query)
        key = await self._pass_keys.find(token) if token else None
        if key is None:
            raise Refused([BAD_PASS_KEY])
        usage = self._quotas.take(key)
        request.answer_headers.extend(usage.headers())
        if usage.wait_seconds:
            used = "hour" if usage.this_hour >= usage.per_hour else "minute"
            raise problem(
                429,
                f"The pass key has no calls left in this {used}; try again in {usage.wait_seconds} s.",
                Retry_After=str(usage.wait_seconds),
            )
        return key


def pass_key_of(query_string: bytes) -> str:
    """'' without one. A name with percent-encoded letters is none: no client writes it so."""
    match = _PASS_KEY.search(query_string)
    return unquote_plus(match.group(1).decode("latin-1")).strip() if match else ""
