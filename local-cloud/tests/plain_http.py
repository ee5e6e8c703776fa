"""httpx's functions without TLS: httpx's own load the certificates of the machine for every request, 40 ms."""

from __future__ import annotations

import httpx

_CLIENT = httpx.Client(verify=False, limits=httpx.Limits(max_keepalive_connections=0))

request, get, post, put, patch, delete = (
    _CLIENT.request,
    _CLIENT.get,
    _CLIENT.post,
    _CLIENT.put,
    _CLIENT.patch,
    _CLIENT.delete,
)
