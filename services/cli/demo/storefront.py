"""What a storefront written for Bazaarvoice shows of the demo shop: the same reviews, through that vendor's calls."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from services.cli.demo.api import Api, Json
from services.cli.demo.errors import DemoFailed
from services.cli.demo.outcome import Outcome, Summary

PRODUCT = "kettle-17"
_CATEGORIES: Mapping[str, Mapping[str, str]] = {
    "kitchen": {"name": "Kitchen"},
    "kitchen/kettles": {"name": "Kettles", "parent_id": "kitchen"},
}
_PRODUCT: Mapping[str, str] = {
    "name": "Brook electric kettle, 1.7 l",
    "category_id": "kitchen/kettles",
    "page_url": "https://shop.example/kettle-17",
}
_VISITOR = "demo-visitor-1"


class Shown(NamedTuple):
    """The product's page as the storefront would build it."""

    name: str
    review_count: int
    average: float
    helpful_votes: int
    most_helpful: Json


class Storefront:
    """Raises DemoFailed for an answer with errors."""

    def __init__(self, api: Api, pass_key: str) -> None:
        self._api = api
        self._given = {"ApiVersion": "5.4", "PassKey": pass_key}

    @property
    def address(self) -> str:
        return self._api.storefront("reviews")

    async def fill_catalog(self) -> None:
        for category_id, category in _CATEGORIES.items():
            await self._api.put_catalog("categories", category_id, category)
        await self._api.put_catalog("products", PRODUCT, _PRODUCT)

    async def find_helpful(self, review_id: int) -> None:
        """A visitor's vote; the same one again changes nothing."""
        vote = {
            "ContentType": "review",
            "ContentId": str(review_id),
            "FeedbackType": "helpfulness",
            "Vote": "Positive",
            "UserId": _VISITOR,
        }
        await self._api.submit_storefront("submitfeedback", self._given | vote)

    async def product_page(self) -> Shown | None:
        """None while the catalog is on its way."""
        asked = {
            "Filter": f"ProductId:{PRODUCT}",
            "Include": "Products",
            "Stats": "Reviews",
            "Sort": "Helpfulness:desc,SubmissionTime:desc",
        }
        page = await self._api.ask_storefront("reviews", self._given | asked)
        product = page["Includes"].get("Products", {}).get(PRODUCT)
        if product is None or product["Name"] is None or not page["Results"]:
            return None
        statistics = product["ReviewStatistics"]
        return Shown(
            product["Name"],
            statistics["TotalReviewCount"],
            statistics["AverageOverallRating"],
            statistics["HelpfulVoteCount"],
            page["Results"][0],
        )


def voted_on(outcomes: tuple[Outcome, ...]) -> int:
    """One that the public sees."""
    for outcome in outcomes:
        if outcome.public is not None and outcome.public.entity_id == PRODUCT:
            return outcome.review_id
    raise DemoFailed(f"no review of {PRODUCT} is public")


def differs(shown: Shown, summary: Summary) -> bool:
    return (shown.review_count, shown.average) != (summary.count, summary.average)
