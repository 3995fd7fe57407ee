"""Which addresses belong to the public internet, and which to a machine, a link or a private network."""

from __future__ import annotations

import functools
import ipaddress

_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
"""RFC 6052: the last 32 bits are an IPv4 address."""


@functools.lru_cache
def is_address(host: str) -> bool:
    """Say whether a host is given by an IP address, which nobody has to look up."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


@functools.lru_cache
def is_public(address: str) -> bool:
    """Say whether an IP address, as the resolver writes it, is one of the public internet's."""
    found = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(found, ipaddress.IPv6Address):
        inner = _inner(found)
        if inner is not None:
            return is_public(str(inner))
    return found.is_global and not found.is_multicast


def _inner(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """Return the IPv4 address that an IPv6 address stands for."""
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if int(address) >> 32 == 0 and int(address) > 1:  # IPv4-compatible, RFC 4291, section 2.5.5.1
        return ipaddress.IPv4Address(int(address))
    return None
