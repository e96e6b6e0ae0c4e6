"""Which path is which endpoint, who may ask it, and every refusal in the vendor's envelope."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import httpx
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.query.bazaarvoice.gate import pass_key_of
from services.query.core.connections import TooBusy, TooSlow, Unreachable
from services.query.core.query import Query
from shared.http.rate_limit import Rate, RateLimiter
from tests.bazaarvoice_examples import PASS_KEY
from tests.storefront_world import REVIEW, TOKEN, Keys, Shop, Storefront

ASKED = f"/data/reviews.json?ApiVersion=5.4&PassKey={TOKEN}&Filter=Id:{REVIEW}"
BAD_KEY: dict[str, Any] = {
    "Limit": None,
    "Offset": None,
    "TotalResults": None,
    "Locale": None,
    "Results": [],
    "Includes": {},
    "HasErrors": True,
    "Errors": [{"Message": "The passKey provided is invalid.", "Code": "ERROR_PARAM_INVALID_API_KEY"}],
}


def refusal(response: httpx.Response) -> tuple[int, str]:
    answer = response.json()
    assert answer["HasErrors"]
    (error,) = answer["Errors"]
    assert error["Message"]
    return response.status_code, error["Code"]


async def test_display_and_submission_stand_beside_each_other() -> None:
    client = Storefront().client()
    displayed = await client.get(ASKED)
    assert (displayed.status_code, displayed.json()["TotalResults"]) == (200, 1)
    form = await client.get(f"/data/submitreview.json?ApiVersion=5.4&passkey={TOKEN}&productid=P1")
    assert form.json()["Form"]
    assert (await client.get("/public/shop/reviews")).content == b"elsewhere"
    for path in ("/database/reviews.json", "/dat", "/responses/v1"):
        assert (await client.get(path)).content == b"elsewhere"


@pytest.mark.parametrize("query", ["", "PassKey=", "PassKey=nobody", f"PassKey={TOKEN}x", f"Pass=1&Key={TOKEN}"])
async def test_a_key_that_is_missing_or_unknown(query: str) -> None:
    client = Storefront().client()
    displayed = await client.get(f"/data/products.json?{query}")
    assert (displayed.status_code, displayed.json()) == (200, BAD_KEY)
    assert "x-bazaarvoice-qpm-current" not in displayed.headers
    submitted = await client.post(f"/data/submitreview.json?{query}", data={"Rating": "5"})
    assert submitted.status_code == 200
    answer = submitted.json()
    assert answer["Errors"] == BAD_KEY["Errors"]
    assert answer["Locale"] is None
    assert answer["FormErrors"] == {}


@pytest.mark.parametrize(
    ("query", "found"),
    [
        (b"PassKey=abc", "abc"),
        (b"a=b&PASSKEY=abc&c=d", "abc"),
        (b"passkey=a%62c", "abc"),
        (b"passkey=&passkey=abc", "abc"),
        (b"notpasskey=abc", ""),
        (b"passkeys=abc", ""),
        (b"passkey=%ff\xff", "\xff".encode("latin-1").decode("utf-8", "replace") + "\xff"),
        (b"", ""),
    ],
)
def test_where_the_pass_key_stands(query: bytes, found: str) -> None:
    assert pass_key_of(query) == found


async def test_the_form_may_carry_the_key_or_the_address() -> None:
    front = Storefront()
    client = front.client()
    for path, fields in (
        ("/data/submitreview.json", {"pAsSkEy": TOKEN, "ApiVersion": "5.4", "ProductId": "P1"}),
        (f"/data/submitreview.json?ApiVersion=5.4&passkey={TOKEN}", {"ProductId": "P1"}),
    ):
        assert not (await client.post(path, data=fields)).json()["HasErrors"]


async def test_fields_may_stand_in_the_address_of_a_post_and_those_of_the_form_win() -> None:
    front = Storefront()
    client = front.client()
    key = f"ApiVersion=5.4&PassKey={TOKEN}"
    vote = f"{key}&contentid={REVIEW}&ContentType=review&FeedbackType=helpfulness&Vote=Negative&UserId=u-1"
    # Without a body at all, as the vendor describes a vote.
    assert not (await client.post(f"/data/submitfeedback.json?{vote}")).json()["HasErrors"]
    assert not (await client.post(f"/data/submitfeedback.json?{vote}", data={"vote": "Positive"})).json()["HasErrors"]
    assert [given["vote"] for _, _, _, given in front.intake.feedback] == ["negative", "positive"]
    form = await client.post(f"/data/submitreview.json?{key}&productId=P1", data={"ProductId": "", "Title": "Warm"})
    assert form.json()["Errors"] == []
    assert form.json()["Data"]["Fields"]["title"]["Value"] == "Warm"


async def test_every_answer_says_how_much_of_the_quota_is_used() -> None:
    front = Storefront(keys=Keys(replace(PASS_KEY, per_minute=4, per_hour=9)))
    client = front.client()
    first = await client.get(ASKED, headers={"Origin": "https://shop.example"})
    tag = first.headers["etag"]
    second = await client.get(ASKED, headers={"If-None-Match": tag})
    third = await client.get(f"{ASKED}&Filter=Nonsense:1")
    fourth = await client.post("/data/submitfeedback.json", data={"apiversion": "5.4", "passkey": TOKEN})
    assert [answer.status_code for answer in (first, second, third, fourth)] == [200, 304, 200, 200]
    for count, answer in enumerate((first, second, third, fourth), 1):
        assert answer.headers["x-bazaarvoice-qpm-allotted"] == "4"
        assert answer.headers["x-bazaarvoice-qpm-current"] == str(count)
        assert answer.headers["x-bazaarvoice-quota-allotted"] == "9"
        assert answer.headers["x-bazaarvoice-quota-current"] == str(count)
        assert answer.headers["x-bazaarvoice-quota-reset"] == "Sun, 01 Mar 2026 13:00:00 GMT"
    exposed = {name.strip() for name in first.headers["access-control-expose-headers"].split(",")}
    assert exposed >= {"X-Bazaarvoice-QPM-Current", "X-Bazaarvoice-Quota-Reset", "X-Request-Id"}
    over = await client.get(ASKED)
    assert refusal(over) == (429, "ERROR_REQUEST_LIMIT_REACHED")
    assert over.headers["retry-after"] == "30"
    assert over.headers["x-bazaarvoice-qpm-current"] == "4"
    assert over.headers["cache-control"] == "no-store"
    submitted = await client.post("/data/submitfeedback.json", data={"apiversion": "5.4", "passkey": TOKEN})
    assert refusal(submitted) == (429, "ERROR_REQUEST_LIMIT_REACHED")
    assert "FormErrors" in submitted.json()


async def test_a_keys_site_answers_only() -> None:
    front = Storefront(keys=Keys(replace(PASS_KEY, site="other")))
    client = front.client()
    assert (await client.get(ASKED)).json()["TotalResults"] == 0
    answer = (
        await client.post("/data/submitreview.json", data={"apiversion": "5.4", "passkey": TOKEN, "ProductId": "P1"})
    ).json()
    assert answer["Errors"][0]["Code"] == "ERROR_ACCESS_DENIED"


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("POST", "/data/reviews.json", "GET, HEAD, OPTIONS"),
        ("DELETE", "/data/submitreview.json", "GET, HEAD, POST, OPTIONS"),
        ("PUT", "/data/statistics.json", "GET, HEAD, OPTIONS"),
    ],
)
async def test_a_wrong_method_says_which_are_right(method: str, path: str, allow: str) -> None:
    response = await Storefront().client().request(method, path)
    assert response.headers["allow"] == allow
    assert refusal(response) == (405, "ERROR_UNSUPPORTED")
    asked = await Storefront().client().options(path)
    assert (asked.status_code, asked.headers["allow"]) == (204, allow)


@pytest.mark.parametrize(
    "path", ["/data", "/data/", "/data/reviews", "/data/reviews.xml", "/data/x/reviews.json", "/data/%00"]
)
async def test_unknown_paths(path: str) -> None:
    assert refusal(await Storefront().client().get(path)) == (404, "ERROR_BAD_REQUEST")


async def test_head_is_get_without_the_body() -> None:
    head = await Storefront().client().head(ASKED)
    assert (head.status_code, head.content) == (200, b"")
    assert int(head.headers["content-length"]) > 100


class Broken(Shop):
    error: Exception = RuntimeError("secret")

    async def ask(self, query: Query) -> Any:
        raise self.error


@pytest.mark.parametrize(
    ("error", "status"), [(TooBusy(), 503), (TooSlow(), 503), (Unreachable(), 503), (RuntimeError("secret"), 500)]
)
async def test_what_the_edge_refuses_is_in_the_envelope_too(error: Exception, status: int) -> None:
    shop = Broken()
    shop.error = error
    response = await Storefront(shop).client().get(ASKED)
    assert refusal(response) == (status, "ERROR_UNKNOWN")
    assert "secret" not in response.text
    assert response.headers["x-bazaarvoice-qpm-current"] == "1"


async def test_the_limit_of_an_address_is_in_the_envelope_too() -> None:
    front = Storefront()
    front.reads = RateLimiter(Rate(0.5, 1), front.clock)
    client = front.client()
    assert (await client.get(ASKED)).status_code == 200
    over = await client.get(ASKED)
    assert refusal(over) == (429, "ERROR_REQUEST_LIMIT_REACHED")
    assert over.headers["retry-after"] == "2"
    # Nobody had looked at the pass key yet.
    assert "x-bazaarvoice-qpm-current" not in over.headers


async def test_errors_reach_the_callback_of_a_script() -> None:
    client = Storefront().client()
    for path in ("/data/reviews.json", "/data/submitreview.json"):
        response = await client.get(f"{path}?callback=shop.show&PassKey=nobody")
        assert response.headers["content-type"].startswith("application/javascript")
        text = response.text.removeprefix("shop.show(").removesuffix(");")
        assert orjson.loads(text)["Errors"] == BAD_KEY["Errors"]
        bad = await client.get(f"{path}?callback=alert(1)&PassKey=nobody")
        assert bad.json()["Errors"] == BAD_KEY["Errors"]


@given(st.binary(max_size=80), st.booleans())
async def test_any_query_string_gets_an_envelope(query: bytes, with_key: bool) -> None:
    raw = query.replace(b"#", b"").replace(b"\r", b"").replace(b"\n", b"")
    raw = bytes(byte if 32 < byte < 127 else 37 for byte in raw)
    whole = (f"apiversion=5.4&passkey={TOKEN}&".encode() if with_key else b"") + raw
    for endpoint in ("submitreview", "submitreviewcomment", "submitfeedback"):
        url = httpx.URL(scheme="http", host="shop.example", path=f"/data/{endpoint}.json", query=whole)
        response = await Storefront().client().get(url)
        assert response.status_code == 200
        assert response.json()["Errors"] is not None
