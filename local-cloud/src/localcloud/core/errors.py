"""Errors as Google's REST services answer them.

    ApiError                    code, reason, message -> {"error": {"code", "message", "status", "errors": [...]}}
    └── Unsupported             501 notImplemented: what this local cloud does not do, by name

Reasons and codes: docs/bigquery-contract.md, "10. Errors and jobs". A statement that fails inside a job has
the same reason and message in `status.errorResult`.
"""

from __future__ import annotations

from typing import Any

_STATUS = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    409: "ALREADY_EXISTS",
    412: "FAILED_PRECONDITION",
    413: "INVALID_ARGUMENT",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    501: "UNIMPLEMENTED",
    503: "UNAVAILABLE",
}


class ApiError(Exception):
    """An answer that is an error: HTTP `code`, BigQuery `reason`, human `message`, optional `location` in the query."""

    def __init__(self, code: int, reason: str, message: str, *, status: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason
        self.message = message
        self.status = status or _STATUS.get(code, "UNKNOWN")

    def body(self) -> dict[str, Any]:
        """The JSON body of the HTTP answer."""
        item = {"message": self.message, "domain": "global", "reason": self.reason}
        return {
            "error": {"code": self.code, "message": self.message, "status": self.status, "errors": [item]},
        }

    def proto(self) -> dict[str, str]:
        """The ErrorProto that a failed job carries in `status.errorResult`."""
        return {"reason": self.reason, "message": self.message}


class Unsupported(ApiError):
    """Something the real service does and this one does not. `what` names it; a statement's place goes in `what`."""

    def __init__(self, what: str) -> None:
        super().__init__(501, "notImplemented", f"Unsupported by the local cloud: {what}")


def invalid_query(message: str) -> ApiError:
    """400 invalidQuery: a statement that does not parse, resolve or type-check."""
    return ApiError(400, "invalidQuery", message)


def invalid(message: str) -> ApiError:
    """400 invalid: a request whose fields are wrong."""
    return ApiError(400, "invalid", message)


def not_found(message: str) -> ApiError:
    """404 notFound."""
    return ApiError(404, "notFound", message)


def access_denied(message: str) -> ApiError:
    """403 accessDenied."""
    return ApiError(403, "accessDenied", message)


def duplicate(message: str) -> ApiError:
    """409 duplicate: the name is taken. For a job id: the job was accepted before."""
    return ApiError(409, "duplicate", message)


def in_use(message: str) -> ApiError:
    """400 resourceInUse: a dataset that still holds tables."""
    return ApiError(400, "resourceInUse", message)
