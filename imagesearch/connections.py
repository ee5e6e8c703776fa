"""Connections over REST (contract section 5): only to take away one of ours that a killed run left behind.

https://cloud.google.com/bigquery/docs/reference/bigqueryconnection/rest
"""

from __future__ import annotations

import google.auth
from google.auth.exceptions import GoogleAuthError
from google.auth.transport.requests import AuthorizedSession
from google.oauth2.credentials import Credentials
from requests import RequestException

from imagesearch.bigquery import Target
from imagesearch.errors import ServiceUnreachable

ENDPOINT = "https://bigqueryconnection.googleapis.com/v1/"
_SCOPE = "https://www.googleapis.com/auth/cloud-platform"
_TIMEOUT = 60.0


def drop(target: Target, endpoint: str, connection: str, description: str) -> bool:
    """Delete the connection if it has this description, which says whose it is. Says whether it did.

    `endpoint` is the gcp provider's bigqueryConnectionCustomEndpoint, or empty. Raises ServiceUnreachable.
    """
    path = f"projects/{target.project}/locations/{target.location}/connections/{connection}"
    url = f"{(endpoint or ENDPOINT).removesuffix('/')}/{path}"
    try:
        with AuthorizedSession(_credentials(target)) as session:
            found = session.get(url, timeout=_TIMEOUT)
            if found.status_code != 200 or found.json().get("description") != description:
                return False
            return bool(session.delete(url, timeout=_TIMEOUT).ok)
    except (RequestException, GoogleAuthError) as error:
        raise ServiceUnreachable(
            f"The connection {connection} could not be looked at: {' '.join(str(error).split())}",
            "Run `pulumi up` again.",
        ) from None


def _credentials(target: Target) -> Credentials:
    if target.access_token:
        return Credentials(target.access_token)
    return google.auth.default(scopes=[_SCOPE])[0]
