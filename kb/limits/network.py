"""The network that an address of the internet belongs to, for counting."""

from __future__ import annotations

from ipaddress import IPv6Address, ip_address, ip_network

_TRANSLATED = ip_network("64:ff9b::/96")  # RFC 6052: an IPv4 address in its last 32 bits
_IPV4 = 0xFFFF_FFFF


def network(address: str) -> str:
    """Return an IPv4 address as it is and the /64 of an IPv6 address, which one line of one house
    has to itself. An IPv4 address written as IPv6 is that IPv4 address.
    """
    try:
        parsed = ip_address(address.strip())
    except ValueError:
        return address.strip()
    if not isinstance(parsed, IPv6Address):
        return str(parsed)
    inner = parsed.ipv4_mapped or parsed.sixtofour
    if inner is not None:
        return str(inner)
    plain = IPv6Address(int(parsed))  # without the name of an interface
    if plain in _TRANSLATED:
        return str(ip_address(int(plain) & _IPV4))
    return str(ip_network((plain, 64), strict=False))
