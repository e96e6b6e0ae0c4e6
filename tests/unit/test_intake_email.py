"""Addresses: taken, compared and shown."""

from __future__ import annotations

import time

import pytest

from services.intake.email import mask, normalise


@pytest.mark.parametrize(
    ("address", "normal"),
    [
        (" Jane.Doe+shop@Example.COM ", "jane.doe+shop@example.com"),
        ("o'hara@mail.example.co.uk", "o'hara@mail.example.co.uk"),
        ("jürgen@müller.example", "jürgen@müller.example"),
        ("a@xn--bcher-kva.example", "a@xn--bcher-kva.example"),
    ],
)
def test_addresses_are_compared_in_lower_case(address: str, normal: str) -> None:
    assert normalise(address) == normal


def test_one_letter_written_in_two_ways_is_one_address() -> None:
    assert normalise("jose\u0301@example.com") == normalise("jos\u00e9@example.com")


@pytest.mark.parametrize(
    "address",
    [
        "", "jane", "jane@", "@example.com", "jane@localhost", "jane@@example.com", "jane doe@example.com",
        "jane@example.com\n.x", "jane@-example.com", "jane@example..com", "ja..ne@example.com", ".jane@example.com",
        "jane.@example.com", "jane@example.c", "<jane@example.com>", "a@b.com,c@d.com", "jane@exam\0ple.com",
        "j" * 65 + "@example.com", "jane@" + "a." * 130 + "com",
    ],
)  # fmt: skip
def test_what_is_no_address_is_none(address: str) -> None:
    assert normalise(address) is None


def test_what_is_too_long_is_not_even_normalised() -> None:
    """NFC sorts the marks on a letter, which takes half a minute for as many as fit into a body."""
    before = time.process_time()
    assert normalise("a" + "\u0301" * 30_000 + "\u0316" * 30_000 + "@example.com") is None
    assert time.process_time() - before < 0.1
    assert normalise(" " * 300 + "jane@example.com") == "jane@example.com"


def test_a_masked_address_shows_one_letter_and_the_domain() -> None:
    assert mask("jane@example.com") == mask("jonathan@example.com") == "j***@example.com"
