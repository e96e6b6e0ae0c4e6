"""Where a request comes from, behind proxies that we trust."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Network = IPv4Network | IPv6Network


def parse_networks(texts: Sequence[str]) -> tuple[Network, ...]:
    """Addresses and networks such as `10.0.0.0/8`; raises ValueError naming the one that is neither."""
    networks = []
    for text in texts:
        try:
            networks.append(ip_network(text.strip(), strict=False))
        except ValueError:
            raise ValueError(f"trusted proxies: {text!r} is not an address or network such as 10.0.0.0/8") from None
    return tuple(networks)


def client_address(peer: str, forwarded_for: str, trusted: Sequence[Network]) -> str:
    """The nearest address that is not a trusted proxy's.

    `forwarded_for` is X-Forwarded-For as it came (several headers joined by commas). It is believed from the right,
    and only as far as trusted proxies wrote it: whatever stands further left, anybody may have made up.
    """
    address = _parse(peer)
    if address is None or not _is_trusted(address, trusted):
        return peer
    nearest = peer
    for text in reversed(forwarded_for.split(",")):
        hop = _parse(text.strip())
        if hop is None:
            break
        nearest = str(hop)
        if not _is_trusted(hop, trusted):
            break
    return nearest


def rate_limit_group(address: str) -> str:
    """One household or server has a whole IPv6 /64 to itself, so that is what counts as one client."""
    parsed = _parse(address)
    if isinstance(parsed, IPv6Address):
        return str(ip_network(f"{parsed}/64", strict=False))
    return address


def network_of(text: str) -> str | None:
    """The network of an address or a network, each in one spelling only; None for what is neither.

    Of IPv6 no narrower than what counts as one client.
    """
    try:
        network = ip_network(text, strict=False)
    except ValueError:
        return None
    if isinstance(network, IPv4Network):
        return str(network)
    mapped = network.network_address.ipv4_mapped
    if mapped is not None and network.prefixlen >= 96:
        return str(ip_network(f"{mapped}/{network.prefixlen - 96}"))
    return str(network.supernet(new_prefix=64) if network.prefixlen > 64 else network)


def _parse(text: str) -> IPv4Address | IPv6Address | None:
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text)
    except ValueError:
        return None
    return address.ipv4_mapped or address if isinstance(address, IPv6Address) else address


def _is_trusted(address: IPv4Address | IPv6Address, trusted: Sequence[Network]) -> bool:
    return any(address.version == network.version and address in network for network in trusted)
