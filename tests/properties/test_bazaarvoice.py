"""Whatever stands in a query string, storefronts get the vendor's envelope."""

from __future__ import annotations

import orjson
from hypothesis import example, given, settings
from hypothesis import strategies as st

from services.query.bazaarvoice.display import ENDPOINTS, Display
from services.query.bazaarvoice.errors import Code
from services.query.bazaarvoice.jsonp import JAVASCRIPT
from tests.bazaarvoice_examples import FULL_REVIEW, PASS_KEY, GivenAnswers, get
from tests.bazaarvoice_queries import QUERIES

MEMBERS = ["Limit", "Offset", "TotalResults", "Locale", "Results", "Includes", "HasErrors", "Errors"]


@settings(max_examples=1_000, deadline=None)
@given(st.sampled_from(sorted(ENDPOINTS)), QUERIES)
@example("reviews.json", b"apiversion=5.4&filter=submissiontime:-999999999999")
@example("reviews.json", b"apiversion=5.4&filter=submissiontime:gt:253402300800")
@example("reviews.json", b"apiversion=5.4&filter=id:99999999999999999999")
@example("reviews.json", b"apiversion=5.4&callback=a\xe2\x80\xa8")
@example("statistics.json", b"apiversion=5.4&filter=productid:%00")
@example("reviews.json", b"apiversion=5.4&filter=rating:4&include=comments&limit_comments=\xd9\xa3")
async def test_any_query_string_gets_the_envelope(endpoint: str, query: bytes) -> None:
    reader = GivenAnswers([FULL_REVIEW] if endpoint == "reviews.json" else [])
    response = await Display(reader).answer(endpoint, get(query), PASS_KEY)
    assert response.status == 200
    body = response.body
    if JAVASCRIPT in response.headers:
        assert body.endswith(b");")
        body = body[body.index(b"(") + 1 : -2]
    envelope = orjson.loads(body)
    assert list(envelope) == MEMBERS
    assert envelope["HasErrors"] == bool(envelope["Errors"])
    if envelope["HasErrors"]:
        assert all(Code(error["Code"]) and error["Message"] for error in envelope["Errors"])
        assert (envelope["Limit"], envelope["Offset"], envelope["TotalResults"], envelope["Results"]) == (0, 0, 0, [])
        assert reader.asked is None
