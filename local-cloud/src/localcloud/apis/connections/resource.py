"""One cloud resource connection, as REST and the store have it.

Source: docs/bigquery-contract.md, "5. Connections". Names carry the project's id and the location in lower case:
`projects/P/locations/us/connections/c`; SQL and tables call the same connection `P.us.c`.
"""

from __future__ import annotations

from dataclasses import dataclass

from localcloud.core.store import Document


@dataclass(frozen=True)
class Connection:
    """A connection and its service account. Times in milliseconds since the epoch."""

    name: str
    service_account: str
    """Email address."""
    created: int
    modified: int
    friendly_name: str = ""
    description: str = ""

    @property
    def member(self) -> str:
        """The service account as policies spell it."""
        return f"serviceAccount:{self.service_account}"

    def document(self) -> Document:
        """The resource that REST answers and the store keeps."""
        described = {"friendlyName": self.friendly_name, "description": self.description}
        return {
            "name": self.name,
            **{key: text for key, text in described.items() if text},
            "creationTime": str(self.created),
            "lastModifiedTime": str(self.modified),
            "cloudResource": {"serviceAccountId": self.service_account},
        }

    @classmethod
    def from_document(cls, document: Document) -> Connection:
        """What `document` gave."""
        return cls(
            name=document["name"],
            service_account=document["cloudResource"]["serviceAccountId"],
            created=int(document["creationTime"]),
            modified=int(document["lastModifiedTime"]),
            friendly_name=document.get("friendlyName", ""),
            description=document.get("description", ""),
        )


def connection_name(project: str, location: str, connection: str) -> str:
    """The resource name, which is also the name of its policy."""
    return f"projects/{project}/locations/{location.lower()}/connections/{connection}"
