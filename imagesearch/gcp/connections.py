"""Delete a connection that a killed run of this stack created before the state recorded it. The API:

https://cloud.google.com/bigquery/docs/reference/bigqueryconnection/rest
"""

from __future__ import annotations

from imagesearch.errors import ServiceUnreachable
from imagesearch.gcp.bigquery import Target
from imagesearch.gcp.rest import CONNECTIONS, Client


def drop(target: Target, endpoint: str, connection: str, description: str) -> bool:
    """Delete the connection if it has this description, which names the stack that created it. Whether it was deleted.

    `endpoint` is the gcp provider's bigqueryConnectionCustomEndpoint, or empty. Raises ServiceUnreachable.
    """
    client = Client(target.access_token, {CONNECTIONS.setting: endpoint})
    path = f"projects/{target.project}/locations/{target.location}/connections/{connection}"
    try:
        found = client.request(CONNECTIONS, path)
        if found.code != 200 or found.body.get("description") != description:
            return False
        return client.request(CONNECTIONS, path, method="DELETE").ok
    except ServiceUnreachable as error:
        raise ServiceUnreachable(f"The connection {connection} could not be read: {error.what}", error.remedy) from None
    finally:
        client.close()
