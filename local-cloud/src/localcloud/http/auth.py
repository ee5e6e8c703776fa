"""Authentication: application default credentials, the token endpoint, and the IAM member of a request.

HOME/credentials.json is a service account key whose `token_uri` is this server, so that `google.auth.default()` and
every official client work unchanged and call only loopback. Its key is made once for each home.

Choice: no Authorization header, `Bearer local` and tokens of HOME/credentials.json all are the project's owner (the
Cloud Storage client sends no header when STORAGE_EMULATOR_HOST is set; only the owner of the home can read the key).

Token endpoint: the service account flow of OAuth 2.0 (RFC 7523, urn:ietf:params:oauth:grant-type:jwt-bearer). Tokens
carry their member and expiry under an HMAC, so they stay valid after a restart of the server. They expire by wall time,
as clients measure it.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import time
from pathlib import Path
from urllib.parse import parse_qs

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from localcloud.core.errors import ApiError
from localcloud.core.home import replace
from localcloud.core.store import Document
from localcloud.http.context import body_of

GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
LIFETIME = 3600
OWNER_TOKEN = "local"


class Authority:
    """Makes the key of a home, issues tokens, and finds the member of a caller."""

    def __init__(self, credentials: Path, url: str, project: str, owner: str) -> None:
        self._key = _credentials(credentials, url, project)
        self._owner = owner
        # Only the owner can write the file; checking its key again would take 40 ms of every start.
        private = serialization.load_pem_private_key(
            self._key["private_key"].encode(), password=None, unsafe_skip_rsa_key_validation=True
        )
        assert isinstance(private, rsa.RSAPrivateKey)
        self._public = private.public_key()
        self._secret = hashlib.sha256(self._key["private_key"].encode()).digest()

    def member(self, authorization: str | None) -> str:
        """The IAM member behind an Authorization header. Raises ApiError 401 authError."""
        if authorization is None:
            return self._owner
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer":
            raise _unauthenticated()
        if token == OWNER_TOKEN:
            return self._owner
        if token.count(".") == 2:  # a JWT that the client signed itself instead of asking for a token
            self._claims(token)
            return self._owner
        return self._member_of_token(token)

    def issue(self, member: str) -> str:
        """A token for `member`, good for an hour."""
        claims = json.dumps({"member": member, "exp": time.time() + LIFETIME}).encode()
        return f"{_encode(claims)}.{_encode(self._seal(claims))}"

    def exchange(self, form: dict[str, list[str]]) -> str:
        """The token for a signed assertion of the home's key. Raises ApiError."""
        if form.get("grant_type") != [GRANT]:
            raise ApiError(400, "unsupported_grant_type", f"grant_type must be {GRANT}")
        self._claims(form.get("assertion", [""])[0])
        return self.issue(self._owner)

    def _claims(self, jwt: str) -> Document:
        try:
            signed, _, signature = jwt.rpartition(".")
            self._public.verify(_decode(signature), signed.encode(), padding.PKCS1v15(), hashes.SHA256())
            claims: Document = json.loads(_decode(signed.split(".")[1]))
        except (InvalidSignature, ValueError, IndexError):
            raise _unauthenticated() from None
        if claims.get("iss") != self._key["client_email"] or claims.get("exp", 0) < time.time():
            raise _unauthenticated()
        return claims

    def _member_of_token(self, token: str) -> str:
        try:
            claims, seal = (_decode(part) for part in token.split("."))
            if hmac.compare_digest(seal, self._seal(claims)):
                signed = json.loads(claims)
                if signed["exp"] > time.time():
                    return str(signed["member"])
        except ValueError:
            pass  # not a token of this server
        raise _unauthenticated()

    def _seal(self, claims: bytes) -> bytes:
        return hmac.digest(self._secret, claims, "sha256")


def routes(authority: Authority) -> list[Route]:
    """The token endpoint."""

    def token(request: Request) -> JSONResponse:
        form = parse_qs(body_of(request).decode(errors="replace"))
        try:
            issued = authority.exchange(form)
        except ApiError as error:
            shape = {"error": "invalid_grant", "error_description": error.message}
            return JSONResponse(shape, status_code=400)
        return JSONResponse({"access_token": issued, "expires_in": LIFETIME, "token_type": "Bearer"})

    return [Route("/token", token, methods=["POST"])]


def _credentials(path: Path, url: str, project: str) -> Document:
    token_uri = f"{url}/token"
    key: Document = json.loads(path.read_text()) if path.exists() else _new_key(project)
    if key.get("token_uri") != token_uri:
        key["token_uri"] = token_uri
        replace(path, json.dumps(key, indent=1) + "\n")
    return key


def _new_key(project: str) -> Document:
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return {
        "type": "service_account",
        "project_id": project,
        "private_key_id": os.urandom(20).hex(),
        "private_key": pem.decode(),
        "client_email": f"owner@{project}.iam.gserviceaccount.com",
        "client_id": str(int.from_bytes(os.urandom(8), "big")),
        "universe_domain": "googleapis.com",
    }


def _unauthenticated() -> ApiError:
    message = (
        "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other valid "
        "authentication credential. See https://developers.google.com/identity/sign-in/web/devconsole-project."
    )
    return ApiError(401, "authError", message)


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _decode(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
