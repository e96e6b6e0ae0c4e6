"""What every display answer comes in, whether it went well or not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import orjson

from services.query.bazaarvoice.errors import VendorError

Json = Mapping[str, object]


def success(
    *, limit: int, offset: int, total: int, locale: str, results: Sequence[object], includes: Json | None = None
) -> bytes:
    """`limit` as it was asked for, `total` of all pages, `locale` the one of the labels."""
    return orjson.dumps(
        {
            "Limit": limit,
            "Offset": offset,
            "TotalResults": total,
            "Locale": locale,
            "Results": results,
            "Includes": includes or {},
            "HasErrors": False,
            "Errors": [],
        }
    )


def failure(errors: Sequence[VendorError], locale: str | None) -> bytes:
    """`locale` is None where nobody knows whose question it was (a bad pass key): then paging is null too."""
    paging = None if locale is None else 0
    return orjson.dumps(
        {
            "Limit": paging,
            "Offset": paging,
            "TotalResults": paging,
            "Locale": locale,
            "Results": [],
            "Includes": {},
            "HasErrors": True,
            "Errors": [{"Message": error.message, "Code": error.code.value} for error in errors],
        }
    )
