"""Rows as one array per column, as statements take them.

Arrays of numbers and of keys come as their text, for asyncpg looks at every element of an array whether it is one
itself, which costs more than all that Postgres does with it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

KEYS = """
            (select ($1::text[])[number] as site, id
             from unnest($2::text::int[], $3::text::bigint[]) as given (number, id)) as keys"""
"""What `numbered` gives of sites and ids. The sites of a batch are few: $1 names them, and $2 has for each row the
number of its site, from 1."""


def numbers(values: Iterable[int | None]) -> str:
    """The text of an array of integers or of truth values, as `$1::text::bigint[]` reads it."""
    return f"{{{','.join(map(str, values))}}}".replace("None", "null")


def texts(values: Sequence[str]) -> str:
    """The text of an array of texts, as `$1::text::text[]` reads it."""
    if not values:
        return "{}"
    joined = '","'.join(values)
    if "\\" in joined or joined.count('"') != 2 * len(values) - 2:
        joined = '","'.join([value.replace("\\", "\\\\").replace('"', '\\"') for value in values])
    return f'{{"{joined}"}}'


def numbered(rows: Sequence[tuple[Any, ...]]) -> list[Any]:
    """Of rows that are a site and numbers: the sites, then one array of numbers per column."""
    named, *rest = zip(*rows, strict=True)
    sites = {site: number for number, site in enumerate(sorted(set(named)), 1)}
    return [list(sites), numbers([sites[site] for site in named]), *map(numbers, rest)]


def columns(rows: Iterable[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """Rows as one array per column, for unnest."""
    return list(zip(*rows, strict=True))


def keyed(rows: Sequence[tuple[Any, ...]], keys: int) -> list[str]:
    """Of rows whose first `keys` columns are texts, and the rest numbers: the text of an array per column."""
    columns = list(zip(*rows, strict=True))
    return [*map(texts, columns[:keys]), *map(numbers, columns[keys:])]
