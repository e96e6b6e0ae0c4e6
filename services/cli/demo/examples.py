"""Calls to paste into another terminal while the demo keeps running."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from services.cli.demo.outcome import Outcome
from services.cli.demo.sample import SITE
from services.cli.demo.storefront import PRODUCT


@dataclass(frozen=True)
class Example:
    what: str
    command: str


def examples(
    addresses: Mapping[str, str], token: str, pass_key: str, held: Outcome | None, approved: Outcome | None
) -> tuple[Example, ...]:
    """For a POSIX shell, one line each, the first of which the later ones need. They may be pasted more than once."""
    public = f"{addresses['query']}/public/{SITE}"
    cases = f"{addresses['moderation']}/v1/sites/{SITE}/cases"
    reviews = f"{addresses['intake']}/v1/sites/{SITE}/reviews"
    bearer = '-H "Authorization: Bearer $KEY"'
    found = [
        Example("a key of this run for the calls below: submit, reply, moderate, read", f"KEY={token}"),
        Example("what anybody can read", f"curl -sw '\\n' '{public}/reviews?limit=3&sort=rating'"),
        Example("how the kettle is rated", f"curl -sw '\\n' '{public}/summary?entity_id=kettle-17'"),
        Example(
            "what a storefront written for Bazaarvoice asks for its product page",
            f"curl -sw '\\n' '{addresses['query']}/data/reviews.json?ApiVersion=5.4&PassKey={pass_key}"
            f"&Filter=ProductId:{PRODUCT}&Include=Products&Stats=Reviews&Limit=2'",
        ),
        Example("a visitor fills in the form (public within a moment)", _form(f"{public}/reviews/submit")),
        Example("what waits for a moderator", f"curl -sw '\\n' {bearer} '{cases}?status=held&limit=3'"),
    ]
    if held is not None:
        decision = {"decision": "approve", "version": held.version, "revision": held.revision, "note": "harmless"}
        post = f"curl -sw '\\n' {bearer} {_json(decision)} '{cases}/{held.review_id}/decisions'"
        found.append(Example("approve one (a second time is a 409: the case has moved)", post))
        found.append(Example("and there it is", f"curl -sw '\\n' '{public}/reviews/{held.review_id}'"))
    if approved is not None:
        reply = {"text": "Thank you for taking the time!", "author_name": "Demo shop"}
        put = f"curl -sw '\\n' -X PUT {bearer} {_json(reply)} '{reviews}/{approved.review_id}/replies/0'"
        found.append(Example("answer a review as the shop", put))
        found.append(Example("and read it with the answer", f"curl -sw '\\n' '{public}/reviews/{approved.review_id}'"))
    return tuple(found)


def _form(url: str) -> str:
    body = {
        "authorName": "Ada",
        "rating": 5,
        "title": "From the terminal",
        "content": "Submitted through the form, moderated on its way, and here it is.",
        "productName": "kettle-17",
    }
    # A form that was opened less than three seconds ago was filled in by a machine.
    opened = "'$(( $(date +%s) - 10 ))000'"
    data = f"""'{json.dumps(body)[:-1]}, "_ts": {opened}}}'"""
    return f"curl -sw '\\n' -H 'Content-Type: application/json' -d {data} '{url}'"


def _json(body: Mapping[str, object]) -> str:
    return f"-H 'Content-Type: application/json' -d '{json.dumps(body)}'"
