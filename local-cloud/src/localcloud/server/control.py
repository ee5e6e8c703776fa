"""The local cloud's own control API, which no Google service has: state, clock, settings, faults.

    GET  /healthz                                   {"status": "ok", "pid", "home", "project", "embedder", "uptime"}
    GET  /control/state                             counts of resources by kind, running jobs, clock, settings, faults
    GET  /control/ledger                            requests to the embedding endpoint and what was paid
    POST /control/faults    a fault of core/faults.py, or {"faults": [...]}     DELETE /control/faults forgets them all
    POST /control/faults/release                    every held request continues
    POST /control/clock     {"advance": seconds, "speed": x}               speed 0: waits cost no wall time
    POST /control/settings  fields of context.Settings                     delays in seconds
    POST /control/token     {"member": "user:x@example.com"} -> {"token"}  to call as another member
    POST /control/reset     forget faults, restore settings, run the clock at wall speed (its offset stays)

Only the owner may call it; requests with an Origin header are refused as everywhere (http/middleware.py).
"""

from __future__ import annotations

import math
import os
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, fields

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from localcloud.core.errors import access_denied, invalid
from localcloud.core.store import Document
from localcloud.http.context import Context, Settings, json_of, member_of

_LAST = 221_845_392_000.0
"""The year 9000, in seconds since the epoch: within the range of datetime."""
_LONGEST = 1e9
_WHOLE = ("rows_per_job", "concurrent_embedding_jobs")
_MEMBER = re.compile(r"(user|serviceAccount):[^\s@:]+@[^\s@:]+")
_KINDS = ("dataset", "table", "model", "vector_index", "job", "connection", "bucket", "policy", "repository")


def routes(
    context: Context,
    ledger: Callable[[], Mapping[str, object]],
    token: Callable[[str], str],
    jobs: Callable[[], dict[str, int]],
) -> list[Route]:
    """`ledger()` reads the ledger, `token(member)` issues a token, `jobs()` counts jobs by state."""
    control = _Control(context, ledger, token, jobs)
    return [
        Route("/control/state", control.state, methods=["GET"]),
        Route("/control/ledger", control.read_ledger, methods=["GET"]),
        Route("/control/faults", control.add_faults, methods=["POST"]),
        Route("/control/faults", control.clear_faults, methods=["DELETE"]),
        Route("/control/faults/release", control.release, methods=["POST"]),
        Route("/control/clock", control.move_clock, methods=["POST"]),
        Route("/control/settings", control.change_settings, methods=["POST"]),
        Route("/control/token", control.issue_token, methods=["POST"]),
        Route("/control/reset", control.reset, methods=["POST"]),
    ]


def health(context: Context, embedder: Callable[[], str]) -> Route:
    """GET /healthz. `embedder()` names the model, and whether it is loaded."""
    started = time.time()

    async def answer(request: Request) -> JSONResponse:
        about = {"pid": os.getpid(), "home": str(context.home), "project": context.project, "url": context.url}
        uptime = round(time.time() - started, 3)
        return JSONResponse({"status": "ok", **about, "embedder": embedder(), "uptime": uptime})

    return Route("/healthz", answer, methods=["GET"])


class _Control:
    def __init__(
        self,
        context: Context,
        ledger: Callable[[], Mapping[str, object]],
        token: Callable[[str], str],
        jobs: Callable[[], dict[str, int]],
    ) -> None:
        self._context = context
        self._ledger = ledger
        self._token = token
        self._jobs = jobs

    def state(self, request: Request) -> JSONResponse:
        self._owner_only(request)
        return self._described()

    def read_ledger(self, request: Request) -> JSONResponse:
        self._owner_only(request)
        return JSONResponse(self._ledger())

    def add_faults(self, request: Request) -> JSONResponse:
        self._owner_only(request)
        body = json_of(request)
        if "faults" in body:
            _only(body, "faults")
        given = body.get("faults", [body])
        self._context.faults.add_all(given if isinstance(given, list) else [given])
        return JSONResponse(self._context.faults.describe())

    def clear_faults(self, request: Request) -> JSONResponse:
        self._owner_only(request)
        self._context.faults.clear()
        return JSONResponse(self._context.faults.describe())

    def release(self, request: Request) -> JSONResponse:
        self._owner_only(request)
        self._context.faults.release()
        return JSONResponse(self._context.faults.describe())

    def move_clock(self, request: Request) -> JSONResponse:
        self._owner_only(request)
        body = json_of(request)
        speed, advance = _number(body.pop("speed", self._context.clock.speed)), _number(body.pop("advance", 0))
        _only(body)
        if self._context.clock.time() + advance > _LAST:
            raise invalid(f"{advance!r} seconds are too many: the clock ends in the year 9000")
        self._context.clock.speed = speed
        return JSONResponse({"time": self._context.clock.advance(advance), "speed": speed})

    def change_settings(self, request: Request) -> JSONResponse:
        self._owner_only(request)
        changes = json_of(request)
        known = asdict(self._context.settings)
        for name, value in changes.items():
            if name not in known or not _fits(name, value):
                raise invalid(f"not a setting: {name} = {value!r}; there are {', '.join(known)}")
        for name, value in changes.items():
            kind = int if name in _WHOLE else type(known[name])
            setattr(self._context.settings, name, None if value is None else kind(value))
        return JSONResponse(asdict(self._context.settings))

    def issue_token(self, request: Request) -> JSONResponse:
        self._owner_only(request)
        body = json_of(request)
        _only(body, "member")
        member = body.get("member")
        if not isinstance(member, str) or not _MEMBER.fullmatch(member):
            raise invalid("member must be an IAM member, such as user:somebody@example.com")
        return JSONResponse({"token": self._token(member)})

    def reset(self, request: Request) -> JSONResponse:
        self._owner_only(request)
        _only(json_of(request))
        self._context.faults.clear()
        self._context.clock.speed = 1.0
        for setting in fields(Settings):
            setattr(self._context.settings, setting.name, setting.default)
        return self._described()

    def _described(self) -> JSONResponse:
        store, clock = self._context.store, self._context.clock
        return JSONResponse(
            {
                "resources": {kind: len(store.texts(kind)) for kind in _KINDS},
                "jobs": self._jobs(),
                "clock": {"time": clock.time(), "speed": clock.speed},
                "settings": asdict(self._context.settings),
                "faults": self._context.faults.describe(),
            }
        )

    def _owner_only(self, request: Request) -> None:
        if member_of(request) != self._context.owner:
            raise access_denied("The control API is the owner's.")


def _only(body: Document, *known: str) -> None:
    """Raises ApiError invalid for fields that would be ignored."""
    if unknown := [name for name in body if name not in known]:
        raise invalid(f"not a field here: {', '.join(unknown)}")


def _fits(name: str, value: object) -> bool:
    """Whether a setting can have this value."""
    if value is None:
        return name == "rows_per_job"
    if isinstance(value, bool):
        return name == "enforce_quota"
    if not isinstance(value, int | float) or not 0 <= value <= _LONGEST:
        return False
    return value in (0, 1) if name == "enforce_quota" else name not in _WHOLE or value == int(value)


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < math.inf:
        raise invalid(f"{value!r} is no number of zero or more")
    return float(value)
