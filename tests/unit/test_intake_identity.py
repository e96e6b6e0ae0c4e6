"""By what the vault finds a person."""

from __future__ import annotations

import random
import re

from services.intake.identity import Person, identity, new_author_id
from services.intake.submission import Author

KEY, OTHER_KEY = b"k" * 32, b"o" * 32


def test_the_senders_id_counts_more_than_the_address() -> None:
    by_id = identity(KEY, Author(id="7"))
    assert by_id == identity(KEY, Author(id="7", email="jane@example.com"))
    assert identity(KEY, Author(email="jane@example.com")) not in (None, by_id)


def test_an_id_that_looks_like_an_address_is_not_that_address() -> None:
    assert identity(KEY, Author(id="jane@example.com")) != identity(KEY, Author(email="jane@example.com"))


def test_a_network_is_nobodys_id_and_counts_only_without_one() -> None:
    network = "203.0.113.7/32"
    by_network = identity(KEY, Person(network=network))
    others = [
        identity(KEY, Author(id=network)),
        identity(KEY, Person(email=network)),
    ]
    assert by_network not in (None, *others)
    assert identity(KEY, Person(id="7", network=network)) == identity(KEY, Author(id="7"))
    assert identity(KEY, Person(email="a@example.com", network=network)) == identity(KEY, Author(email="a@example.com"))
    assert identity(OTHER_KEY, Person(network=network)) != by_network
    assert network not in repr(Person(network=network))


def test_without_id_and_address_nobody_is_known() -> None:
    assert identity(KEY, None) is None
    assert identity(KEY, Author(name="Jane")) is None
    assert identity(KEY, Person()) is None


def test_sites_cannot_recognise_each_others_people() -> None:
    assert identity(KEY, Author(id="7")) != identity(OTHER_KEY, Author(id="7"))


def test_author_ids_are_random_and_fit_into_addresses() -> None:
    rng = random.Random(1)
    ids = {new_author_id(rng) for _ in range(1000)}
    assert len(ids) == 1000
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{16}", one) for one in ids)
