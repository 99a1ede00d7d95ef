"""API bases that somebody may write, with what the program makes of each: the same table for the panel and the worker."""

from __future__ import annotations

_USER, _ADDRESS, _HTTPS = "a user name", "is not a web address", "must start with https://"
_LONG = f"https://{'a' * 2500}.example"

#: What was written -> the plain base, and what the refusal says ('': the base is good).
BASES: dict[str, tuple[str, str]] = {
    "https://api.x.ai": ("https://api.x.ai", ""),
    "  https://api.x.ai/v1/ ": ("https://api.x.ai", ""),
    "https://api.x.ai//v1/v1": ("https://api.x.ai", ""),
    "HTTPS://API.X.AI": ("HTTPS://API.X.AI", ""),
    "https://api.example:8443/xai": ("https://api.example:8443/xai", ""),
    "https://api.example/@team": ("https://api.example/@team", ""),
    "https://schlüssel.example": ("https://schlüssel.example", ""),
    "https://192.168.1.2": ("https://192.168.1.2", ""),
    "https://[2001:db8::1]": ("https://[2001:db8::1]", ""),
    # An empty user is what is left of one that was taken out.
    "https://@api.x.ai": ("https://api.x.ai", ""),
    " https://@api.x.ai/v1": ("https://api.x.ai", ""),
    "http://@127.0.0.1:8000/": ("http://127.0.0.1:8000", ""),
    "https://@@api.x.ai": ("https://@@api.x.ai", _USER),
    "https://:@api.x.ai": ("https://:@api.x.ai", _USER),
    "https://user@api.x.ai": ("https://user@api.x.ai", _USER),
    "https://@user@api.x.ai": ("https://user@api.x.ai", _USER),
    "https://user:word@api.x.ai": ("https://user:word@api.x.ai", _USER),
    "https://:word@127.0.0.1": ("https://:word@127.0.0.1", _USER),
    r"https://api.x.ai\@other.example": (r"https://api.x.ai\@other.example", _USER),
    # http is for a service on this computer.
    "http://127.0.0.1:8000": ("http://127.0.0.1:8000", ""),
    "http://127.9.9.9": ("http://127.9.9.9", ""),
    "http://localhost:8000/v1": ("http://localhost:8000", ""),
    "http://[::1]:8000": ("http://[::1]:8000", ""),
    "http://api.x.ai": ("http://api.x.ai", _HTTPS),
    "http://@api.x.ai": ("http://api.x.ai", _HTTPS),
    "http://192.168.1.2": ("http://192.168.1.2", _HTTPS),
    "http://127.0.0.1.example": ("http://127.0.0.1.example", _HTTPS),
    "http://[fe80::1]": ("http://[fe80::1]", _HTTPS),
    "ftp://127.0.0.1": ("ftp://127.0.0.1", _HTTPS),
    "//api.x.ai": ("//api.x.ai", _HTTPS),
    # No address at all.
    "api.x.ai": ("api.x.ai", _ADDRESS),
    "api.x.ai:443": ("api.x.ai:443", _ADDRESS),
    "https://": ("https:", _ADDRESS),
    "https://@": ("https:", _ADDRESS),
    "https://@/v1": ("https:", _ADDRESS),
    "/v1": ("", _ADDRESS),
    "https://[::1": ("https://[::1", _ADDRESS),
    "user:word@api.x.ai": ("user:word@api.x.ai", _ADDRESS),
    "https://api.x.ai?user:word@": ("https://api.x.ai?user:word@", _ADDRESS),
    "https://user:word@[::1": ("https://user:word@[::1", _ADDRESS),
    "https://api.x.ai:https": ("https://api.x.ai:https", _ADDRESS),
    "https://api.x.ai:99999": ("https://api.x.ai:99999", _ADDRESS),
    "https://api.x.ai?x=1": ("https://api.x.ai?x=1", _ADDRESS),
    "https://api.x.ai?": ("https://api.x.ai?", _ADDRESS),
    "https://api.x.ai#videos": ("https://api.x.ai#videos", _ADDRESS),
    "https://api.x.ai#": ("https://api.x.ai#", _ADDRESS),
    "https://api .x.ai": ("https://api .x.ai", _ADDRESS),
    "https://api\n.x.ai": ("https://api\n.x.ai", _ADDRESS),
    "https://api.x.ai\u200b": ("https://api.x.ai\u200b", _ADDRESS),
    _LONG: (_LONG, _ADDRESS),
}
