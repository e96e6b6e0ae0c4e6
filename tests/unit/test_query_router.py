from __future__ import annotations

import pytest

from services.query.router import Mount, Router
from tests.storefront_world import Elsewhere

OTHERWISE, DATA, RESPONSE = Elsewhere(), Elsewhere(), Elsewhere()
ROUTER = Router(OTHERWISE, (Mount("/data", DATA), Mount("/response", RESPONSE, takes_forms=False)))


@pytest.mark.parametrize(
    ("path", "dialect"),
    [
        ("/data", DATA),
        ("/data/", DATA),
        ("/data/reviews.json", DATA),
        ("/response/v1/clientResponses", RESPONSE),
        ("/database", OTHERWISE),
        ("/Data/reviews.json", OTHERWISE),
        ("/x/data", OTHERWISE),
        ("/public/shop/reviews", OTHERWISE),
        ("/", OTHERWISE),
        ("", OTHERWISE),
    ],
)
def test_a_path_belongs_to_the_dialect_of_its_first_segment(path: str, dialect: Elsewhere) -> None:
    assert ROUTER.find(path).dialect is dialect


def test_only_forms_have_the_limits_of_forms() -> None:
    assert ROUTER.find("/data/submitreview.json").takes_forms
    assert ROUTER.find("/public/shop/reviews").takes_forms
    assert not ROUTER.find("/response/v1").takes_forms
