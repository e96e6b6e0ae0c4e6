"""How long it took from the moment a review was accepted until the public could read it."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Sequence
from datetime import datetime

from services.cli.demo.api import PAGE, Api, Json

LOOK_EVERY_SECONDS = 0.025
"""Under the public edge's limit of 50 a second for one address, so that other questions fit in."""
_SHORT_PAGE = 10


class PublicWatch:
    """Looks at the public list again and again, and notes when each review was first there.

    The times are those of the answers' arrival, so every measured wait is too long by up to one look, never too short.
    """

    def __init__(self, api: Api) -> None:
        self._api = api
        self.first_seen: dict[int, float] = {}
        """Seconds since 1970, by review id. What was public before the watch began has 0."""

    async def begin(self) -> None:
        """Takes down what is public already."""
        reviews, _ = await self._api.public_reviews()
        self.first_seen = {review["id"]: 0.0 for review in reviews}

    async def run(self) -> None:
        """Until it is cancelled."""
        etag = ""
        while True:
            begun = time.monotonic()
            # A short page, since looking takes its share of the machine too.
            answer = await self._api.newest(_SHORT_PAGE, etag)
            if answer.status_code == 200:
                etag = answer.headers["etag"]
                if self.note(answer.json(), time.time()):
                    answer = await self._api.newest(PAGE)
                    if answer.status_code == 200:
                        self.note(answer.json(), time.time())
            await asyncio.sleep(max(0.0, begun + LOOK_EVERY_SECONDS - time.monotonic()))

    def note(self, page: Json, now: float) -> bool:
        """Whether there are more new ones than the page could hold."""
        for review in page["data"]:
            self.first_seen.setdefault(review["id"], now)
        return int(page["meta"]["total"]) > len(self.first_seen)

    def wait_of(self, review_id: int, accepted_at: str) -> float | None:
        """Seconds; None when it was not seen to become public."""
        seen = self.first_seen.get(review_id, 0.0)
        return seen - datetime.fromisoformat(accepted_at).timestamp() if seen else None


def percentile(sorted_values: Sequence[float], share: float) -> float:
    """Nearest rank: a value that was really measured. `share` is above 0 and at most 1; there must be a value."""
    return sorted_values[math.ceil(share * len(sorted_values)) - 1]
