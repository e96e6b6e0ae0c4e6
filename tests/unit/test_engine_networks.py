from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.moderation.engine.context import NO_CONTEXT
from services.moderation.engine.networks import find_ips
from services.moderation.engine.passage import Passage


def found(text: str) -> list[str]:
    return [signal.matched for signal in find_ips(Passage("text", text), NO_CONTEXT)]


@pytest.mark.parametrize(
    "address",
    ["192.168.1.1", "10.0.0.0/8", "2001:db8::1", "fe80::1%eth0", "::ffff:192.0.2.1", "2001:db8::/32", "::1",
     "684D:1111:222:3333:4444:5555:6:77", "2001:db8::10.0.0.1"],
)  # fmt: skip
def test_addresses(address: str) -> None:
    assert found(f"see ({address}).") == [address]


@pytest.mark.parametrize(
    "text",
    ["Android 4.4.2.1", "firmware version 2.0.1.15", "v1.2.3.4", "updated to 10.3.3.1", "256.1.1.1", "192.168.1",
     "text192.168.1.1", "at 12::30", "std::cout", "add::bed", ":: New ::", "12:34:56", "aa:bb:cc:dd:ee:ff",
     "2001::25de::cade", "fe80::1text", "1:2:3:4:5:6:7:8", "192.168.01.1"],
)  # fmt: skip
def test_other_text(text: str) -> None:
    assert found(text) == []


def test_ambiguous_ones_need_a_word_about_networks() -> None:
    assert found("listening on ::, src=::") == ["::", "::"]
    assert found("my ip is 1.2.3.4") == ["1.2.3.4"]


@given(st.ip_addresses(v=4).map(str) | st.ip_addresses(v=6).map(str))
def test_every_address_is_found_where_the_text_speaks_of_one(address: str) -> None:
    (signal,) = find_ips(Passage("text", f"the ip {address} is mine"), NO_CONTEXT)
    assert signal.matched == address
    assert signal.detail in (
        str(IPv4Address(address)) if "." in address and ":" not in address else str(IPv6Address(address)),
    )


@given(st.text(alphabet="0123456789abf.:/%ip ", max_size=60))
def test_places_are_of_the_source(text: str) -> None:
    for signal in find_ips(Passage("text", text), NO_CONTEXT):
        assert signal.matched == text[signal.start : signal.end]
