"""By what the vault finds a person."""

from __future__ import annotations

import random
import re

from services.intake.identity import identity, new_author_id
from services.intake.submission import Author

KEY, OTHER_KEY = b"k" * 32, b"o" * 32


def test_the_senders_id_counts_more_than_the_address() -> None:
    by_id = identity(KEY, Author(id="7"))
    assert by_id == identity(KEY, Author(id="7", email="jane@example.com"))
    assert identity(KEY, Author(email="jane@example.com")) not in (None, by_id)


def test_an_id_that_looks_like_an_address_is_not_that_address() -> None:
    assert identity(KEY, Author(id="jane@example.com")) != identity(KEY, Author(email="jane@example.com"))


def test_without_id_and_address_nobody_is_known() -> None:
    assert identity(KEY, None) is None
    assert identity(KEY, Author(name="Jane")) is None


def test_sites_cannot_recognise_each_others_people() -> None:
    assert identity(KEY, Author(id="7")) != identity(OTHER_KEY, Author(id="7"))


def test_author_ids_are_random_and_fit_into_addresses() -> None:
    rng = random.Random(1)
    ids = {new_author_id(rng) for _ in range(1000)}
    assert len(ids) == 1000
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{16}", one) for one in ids)
