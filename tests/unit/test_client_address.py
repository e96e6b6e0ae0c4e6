"""Whom a request is from, when anybody may write X-Forwarded-For."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.http.client_address import client_address, network_of, parse_networks, rate_limit_group

PROXIES = parse_networks(["10.0.0.0/8", "::1", "fd00::/8"])


@pytest.mark.parametrize(
    ("peer", "forwarded_for", "address"),
    [
        ("203.0.113.9", "", "203.0.113.9"),
        ("203.0.113.9", "198.51.100.1", "203.0.113.9"),  # not a proxy of ours: whatever it says is not believed
        ("10.0.0.1", "", "10.0.0.1"),
        ("10.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", "198.51.100.1, 10.0.0.2", "198.51.100.1"),
        ("10.0.0.1", "1.2.3.4, 198.51.100.1", "198.51.100.1"),  # the left one the client made up
        ("10.0.0.1", "1.2.3.4, 198.51.100.1, 10.9.9.9", "198.51.100.1"),
        ("10.0.0.1", "10.0.0.7, 10.0.0.8", "10.0.0.7"),
        ("10.0.0.1", "nonsense", "10.0.0.1"),
        ("10.0.0.1", "198.51.100.1, nonsense", "10.0.0.1"),
        ("10.0.0.1", "198.51.100.1:4711", "198.51.100.1"),
        ("10.0.0.1", "[2001:db8::1]:4711", "2001:db8::1"),
        ("10.0.0.1", "2001:db8::1", "2001:db8::1"),
        ("::1", "2001:db8::1", "2001:db8::1"),
        ("::ffff:10.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", "::ffff:198.51.100.1", "198.51.100.1"),
        ("testclient", "198.51.100.1", "testclient"),
    ],
)
def test_the_nearest_address_that_is_no_proxy_of_ours(peer: str, forwarded_for: str, address: str) -> None:
    assert client_address(peer, forwarded_for, PROXIES) == address


@given(made_up=st.lists(st.sampled_from(["1.2.3.4", "10.0.0.1", "", "x", "::1", "fd00::1"]), max_size=5))
def test_nothing_that_a_client_makes_up_changes_its_address(made_up: list[str]) -> None:
    seen_by_the_proxy = ", ".join([*made_up, "198.51.100.1"])
    assert client_address("10.0.0.1", seen_by_the_proxy, PROXIES) == "198.51.100.1"


@given(peer=st.text(max_size=20), forwarded_for=st.text(max_size=40))
def test_nothing_is_so_odd_that_it_fails(peer: str, forwarded_for: str) -> None:
    rate_limit_group(client_address(peer, forwarded_for, PROXIES))


def test_without_trusted_proxies_the_header_means_nothing() -> None:
    assert client_address("10.0.0.1", "198.51.100.1", ()) == "10.0.0.1"


def test_a_household_counts_as_one_caller() -> None:
    assert rate_limit_group("2001:db8:1:2::1") == rate_limit_group("2001:db8:1:2:ffff::9") == "2001:db8:1:2::/64"
    assert rate_limit_group("2001:db8:1:3::1") != rate_limit_group("2001:db8:1:2::1")
    assert rate_limit_group("198.51.100.1") == "198.51.100.1"
    assert rate_limit_group("::ffff:198.51.100.1") != rate_limit_group("::ffff:198.51.100.2")


def test_a_network_that_is_none_is_named() -> None:
    with pytest.raises(ValueError, match=r"'10\.0\.0\.0/33' is not"):
        parse_networks(["10.0.0.0/8", "10.0.0.0/33"])
    assert [str(network) for network in parse_networks([" 10.1.2.3/8 "])] == ["10.0.0.0/8"]


@pytest.mark.parametrize(
    ("text", "network"),
    [
        ("203.0.113.7", "203.0.113.7/32"),
        ("203.0.113.7/32", "203.0.113.7/32"),
        ("203.0.113.7/24", "203.0.113.0/24"),
        ("2001:DB8:1:2::9", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::/64", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:3::/80", "2001:db8:1:2::/64"),
        ("2001:db8::/32", "2001:db8::/32"),
        ("::ffff:203.0.113.7", "203.0.113.7/32"),
        ("::ffff:203.0.113.0/120", "203.0.113.0/24"),
        ("", None),
        ("socket", None),
        ("203.0.113.7:80", None),
        ("203.0.113", None),
        ("7", None),
    ],
)
def test_a_network_has_one_spelling(text: str, network: str | None) -> None:
    assert network_of(text) == network


@given(st.ip_addresses())
def test_everybody_of_a_group_is_of_one_network(address: object) -> None:
    known = network_of(str(address))
    assert known is not None
    assert network_of(known) == known
    assert network_of(rate_limit_group(str(address))) == known
