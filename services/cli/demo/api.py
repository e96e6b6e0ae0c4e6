"""Plaudit's HTTP APIs as the demo calls them: intake as a shop, moderation as a moderator, query as anybody."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping
from typing import Any

import httpx

from services.cli.demo.errors import DemoFailed
from services.cli.demo.sample import SITE

Json = dict[str, Any]
PAGE = 100


class Api:
    """Raises DemoFailed for every answer that is not among those expected; messages never hold a token."""

    def __init__(self, client: httpx.AsyncClient, addresses: Mapping[str, str], tokens: Mapping[str, str]) -> None:
        """`addresses` of intake, moderation and query; `tokens` for shop, moderator and owner."""
        self._client = client
        self._addresses = addresses
        self._tokens = tokens

    @property
    def _intake(self) -> str:
        return f"{self._addresses['intake']}/v1/sites/{SITE}/reviews"

    @property
    def _cases(self) -> str:
        return f"{self._addresses['moderation']}/v1/sites/{SITE}/cases"

    @property
    def public(self) -> str:
        return f"{self._addresses['query']}/public/{SITE}"

    async def submit(self, body: Mapping[str, Any]) -> httpx.Response:
        """Any answer below 500 is for the caller to look at."""
        return await self._ask("POST", self._intake, "shop", expect=range(200, 500), json=body)

    async def submit_batch(self, lines: Iterable[bytes]) -> list[Json]:
        """One result per line, in order."""
        answer = await self._ask(
            "POST",
            f"{self._intake}/batch",
            "shop",
            content=b"\n".join(lines),
            headers={"content-type": "application/x-ndjson"},
        )
        return [httpx.Response(200, content=line).json() for line in answer.content.splitlines()]

    async def set_reply(self, review_id: int, text: str, author_name: str) -> Json:
        url = f"{self._intake}/{review_id}/replies/0"
        answer = await self._ask("PUT", url, "owner", json={"text": text, "author_name": author_name})
        return _object(answer)

    async def cases(self, status: str) -> AsyncIterator[Json]:
        """Every case of the status, page by page."""
        cursor: str | None = None
        while True:
            params = {"status": status, "limit": str(PAGE)} | ({"cursor": cursor} if cursor else {})
            page = _object(await self._ask("GET", self._cases, "moderator", params=params))
            for case in page["cases"]:
                yield case
            cursor = page["next_cursor"]
            if cursor is None:
                return

    async def case(self, review_id: int) -> Json:
        """With its decisions and what each was made from."""
        return _object(await self._ask("GET", f"{self._cases}/{review_id}", "moderator"))

    async def approve(self, review_id: int, version: int, revision: int, note: str) -> Json:
        """409, hence DemoFailed, when the case has moved since it was seen."""
        body = {"decision": "approve", "version": version, "revision": revision, "note": note}
        return _object(await self._ask("POST", f"{self._cases}/{review_id}/decisions", "moderator", json=body))

    async def is_site_public(self) -> bool:
        """Whether the public edge knows the site."""
        answer = await self._ask("GET", f"{self.public}/reviews/settings", expect=(200, 404))
        return answer.status_code == 200

    async def public_page(self, page: int, limit: int) -> Json:
        params = {"page": str(page), "limit": str(limit)}
        return _object(await self._ask("GET", f"{self.public}/reviews", params=params))

    async def public_reviews(self, limit: int = PAGE) -> tuple[list[Json], int]:
        """What anybody can read, from all pages, and how many pages that is."""
        first = await self.public_page(1, limit)
        reviews, last = list(first["data"]), int(first["meta"]["lastPage"])
        for page in range(2, last + 1):
            reviews += (await self.public_page(page, limit))["data"]
        return reviews, last

    async def public_review(self, review_id: int) -> httpx.Response:
        """200 or 404."""
        return await self._ask("GET", f"{self.public}/reviews/{review_id}", expect=(200, 404))

    async def newest(self, limit: int, etag: str = "") -> httpx.Response:
        """The newest public reviews; 304 when they are those of `etag`, 429 when asked too often."""
        headers = {"if-none-match": etag} if etag else {}
        url = f"{self.public}/reviews"
        return await self._ask("GET", url, expect=(200, 304, 429), params={"limit": str(limit)}, headers=headers)

    async def summary(self, entity_id: str | None) -> Json:
        """Of a product; of reviews about the shop itself where `entity_id` is empty; of all where it is None."""
        params = {} if entity_id is None else {"entity_id": entity_id}
        return _object(await self._ask("GET", f"{self.public}/summary", params=params))

    async def put_catalog(self, kind: str, entry_id: str, body: Mapping[str, Any]) -> Json:
        """`kind` as in addresses: products, categories, brands."""
        url = f"{self._addresses['intake']}/v1/sites/{SITE}/catalog/{kind}/{entry_id}"
        return _object(await self._ask("PUT", url, "shop", expect=(200, 201), json=body))

    def storefront(self, endpoint: str) -> str:
        """The address that a storefront written for Bazaarvoice calls."""
        return f"{self._addresses['query']}/data/{endpoint}.json"

    async def ask_storefront(self, endpoint: str, params: Mapping[str, str]) -> Json:
        """Bazaarvoice's errors come with 200 too."""
        return _without_errors(await self._ask("GET", self.storefront(endpoint), params=params))

    async def submit_storefront(self, endpoint: str, form: Mapping[str, str]) -> Json:
        return _without_errors(await self._ask("POST", self.storefront(endpoint), data=dict(form)))

    async def _ask(
        self,
        method: str,
        url: str,
        who: str | None = None,
        *,
        expect: Iterable[int] = (200,),
        headers: Mapping[str, str] | None = None,
        **request: Any,
    ) -> httpx.Response:
        sent = dict(headers or {}) | ({"authorization": f"Bearer {self._tokens[who]}"} if who else {})
        try:
            answer = await self._client.request(method, url, headers=sent, **request)
        except httpx.TransportError as error:
            raise DemoFailed(f"{method} {url} was not answered ({type(error).__name__})") from None
        if answer.status_code not in expect:
            raise DemoFailed(f"{method} {url} answered {answer.status_code}: {refusal(answer)}")
        return answer


def refusal(answer: httpx.Response) -> str:
    """What a neutral or vendor's error envelope says, in one line."""
    try:
        body = answer.json()
    except ValueError:
        return answer.text[:200]
    error = body.get("error") or (body.get("errors") or [{}])[0]
    return f"{error.get('code', '')}: {error.get('message', '')}"


def _object(answer: httpx.Response) -> Json:
    found: Json = answer.json()
    return found


def _without_errors(answer: httpx.Response) -> Json:
    body = _object(answer)
    if body["HasErrors"]:
        raise DemoFailed(f"{answer.request.method} {answer.url.path} answered {body.get('Errors')}")
    return body
