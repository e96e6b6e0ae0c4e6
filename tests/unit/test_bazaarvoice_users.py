from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.query.bazaarvoice.parameters import Parameters
from services.query.bazaarvoice.users import user_id_of


def token(data: bytes, digest: int = 32) -> str:
    return "a1" * (digest // 2) + data.hex()


@pytest.mark.parametrize(
    ("sent", "found"),
    [
        ({"userid": "u-1"}, "u-1"),
        ({"userid": "u-1", "user": token(b"userid=u-2")}, "u-1"),
        ({"user": token(b"date=20260301&userid=u-2&maxage=30")}, "u-2"),
        ({"user": token(b"UserId=u-2&date=20260301").upper()}, "u-2"),
        ({"user": token(b"date=20260301&userid=u-2", 64)}, "u-2"),
        ({"user": token(b"date=20260301")}, None),
        ({"user": token(b"userid=" + b"u" * 256)}, None),
        ({"user": token(b"userid=a%00b")}, None),
        ({"user": "Ann"}, None),
        ({}, None),
    ],
)
def test_the_user_id(sent: dict[str, str], found: str | None) -> None:
    assert user_id_of(Parameters(sent.items())) == found


@given(st.one_of(st.text(), st.text("0123456789abcdef")))
def test_any_text_is_a_user_string_or_none(text: str) -> None:
    found = user_id_of(Parameters([("user", text)]))
    assert found is None or found
