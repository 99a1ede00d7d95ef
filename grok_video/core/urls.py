"""Addresses: which API base is good, which host is this computer, which one is private.

Owns the only rule for an API base. Asks no name server: a host is judged by how it is written.
"""

from __future__ import annotations

import functools
import ipaddress
from urllib.parse import urlsplit


def is_loopback(host: str) -> bool:
    """Whether ``host`` is this machine by its name alone."""
    host = host.strip("[]").lower()
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


@functools.lru_cache(maxsize=64)
def is_local(base: str) -> bool:
    """Whether the API base is a service on this computer."""
    try:
        return is_loopback(urlsplit(base).hostname or "")
    except ValueError:
        return False


def host_of(url: str) -> str:
    """The host of a URL, which may be shown where the URL may not; '' when it has none."""
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def base_problem(base: str) -> str:
    """Why an API base cannot be used; '' when it can: https, or http to loopback, without a user."""
    try:
        url = urlsplit(base)
        host, _ = url.hostname or "", url.port
    except ValueError:
        return "The API base URL cannot be read."
    if url.scheme not in ("http", "https") or not host:
        return "The API base URL must begin with https://"
    if url.username is not None or url.password is not None:
        return "The API base URL must not hold a user name or password."
    if url.scheme == "http" and not is_loopback(host):
        return "The API base URL must begin with https:// (http only to this machine)."
    if url.query or url.fragment:
        return "The API base URL must not hold a query."
    return ""


def is_private_address(address: str) -> bool:
    ip = ipaddress.ip_address(address.split("%")[0])
    if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped:
        ip = ip.ipv4_mapped
    return not ip.is_global or ip.is_multicast


def is_private_host(host: str) -> bool:
    try:
        return is_private_address(host.strip("[]"))
    except ValueError:
        return is_loopback(host)
