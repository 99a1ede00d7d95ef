"""Addresses: which API base is good, which host is this computer, which host is private.

Owns the only rule for an API base. Asks no name server: a host is judged by how it is written.
"""

from __future__ import annotations

import functools
import ipaddress
import re
from urllib.parse import quote, unquote, urlsplit, urlunsplit


def is_loopback(host: str) -> bool:
    """Whether ``host`` names this computer: 'localhost', or an address of the loopback network."""
    host = host.strip("[]").lower()
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


@functools.lru_cache(maxsize=64)
def is_local(base: str) -> bool:
    """Whether the API base is a service on this computer, however the base is spelled."""
    try:
        return is_loopback(urlsplit(one_base(base)).hostname or "")
    except ValueError:
        return False


def host_of(url: str) -> str:
    """The host of a URL, which may be shown where the URL may not; '' when it has none."""
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


#: Characters of an API base. The worker reads lines of 64 KB, and a host's name has 253 at most.
_LONGEST_BASE = 2000


def plain_api_base(written: str) -> str:
    """An API base as it is used, from what somebody wrote: without blanks, last slashes, ``/v1`` and an empty user.

    A plain base stays as it is: the account of a job is a hash of the base, so Blender and worker must make the same of
    it.
    """
    while True:
        plain = written.strip().rstrip("/").removesuffix("/v1")
        scheme, _, rest = plain.partition("://")
        if rest[:1] == "@" != rest[1:2]:
            plain = f"{scheme}://{rest[1:]}"
        if plain == written:
            return plain
        written = plain


@functools.lru_cache(maxsize=256)
def one_base(base: str) -> str:
    """An API base as it is spelled where accounts are compared and summed; a text that is no address stays.

    Two bases have one spelling when requests to both go to the same place (RFC 3986 under "normalization"; UTS 46 for
    names). Only for comparing: what is stored and what is asked keep the artist's spelling.
    """
    base = plain_api_base(base)
    while True:
        one = plain_api_base(_one_address(base))
        if one == base:
            return one
        base = one


_USUAL_PORTS = {"https": 443, "http": 80}


def _one_address(base: str) -> str:
    try:
        url = urlsplit(base)
        host, port = url.hostname or "", url.port
        if not (url.scheme and host):
            return base
        place = _one_host(host)
    except ValueError:
        return base
    user = url.netloc.rpartition("@")[0]
    if user.strip(":"):
        place = f"{user}@{place}"
    if port not in (None, _USUAL_PORTS.get(url.scheme)):
        place = f"{place}:{port}"
    return urlunsplit((url.scheme, place, _one_path(url.path), url.query, url.fragment))


def _one_host(host: str) -> str:
    """A host in lower case, names in ASCII, addresses in their shortest form. Raises ValueError."""
    host = re.sub(r"(?:%[89a-f][0-9a-f])+", lambda found: unquote(found[0], errors="strict"), host)
    host = _unescaped(host)
    if not host.isascii():
        import unicodedata  # here: nearly no base has such a name

        names = unicodedata.normalize("NFKC", host).lower().replace("\u3002", ".").split(".")
        host = ".".join(
            name if name.isascii() else f"xn--{name.encode('punycode').decode()}" for name in names
        )
    host = host.rstrip(".").lower()
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    if isinstance(address, ipaddress.IPv6Address):
        mapped = address.ipv4_mapped
        return str(mapped) if mapped else f"[{address.compressed}]"
    return str(address)


def _one_path(path: str) -> str:
    kept: list[str] = []
    for part in _unescaped(quote(path, safe="%/:@!$&'()*+,;=~")).split("/"):
        if part == "..":
            kept = kept[:1] + kept[1:-1]
        elif part != ".":
            kept.append(part)
    return "/".join(kept)


def _unescaped(text: str) -> str:
    """``text`` without escapes that mean the same as their character; all others in capitals."""

    def one(found: re.Match[str]) -> str:
        character = chr(int(found[0][1:], 16))
        plain = character.isascii() and (character.isalnum() or character in "-._~")
        return character if plain else found[0].upper()

    return re.sub("%[0-9A-Fa-f]{2}", one, text)


def api_base_refusal(base: str) -> str:
    """'' or a sentence that says why a plain API base cannot be used: https, or http to this computer, and no user."""
    shown = "" if "@" in base else f" “{base:.80}”"  # with an @, the base may hold a password
    try:
        url = urlsplit(base)
        host, user, _port = url.hostname or "", "@" in url.netloc, url.port
    except ValueError:
        return f"The API base URL{shown} is not a web address."
    if user:
        return "The API base URL must not hold a user name or a password."
    # urlsplit() drops line breaks unseen, and takes an empty query for none.
    clean = base.isprintable() and not {" ", "?", "#"} & set(base)
    if not host or not clean or len(base) > _LONGEST_BASE:
        return f"The API base URL{shown} is not a web address such as https://api.x.ai."
    if url.scheme == "https" or (url.scheme == "http" and is_loopback(host)):
        return ""
    return "The API base URL must start with https://, else your key could be read on the way."


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
