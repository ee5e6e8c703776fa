"""Job resources as REST has them, at each moment of a job's life.

Source: https://cloud.google.com/bigquery/docs/reference/rest/v2/Job.
"""

from __future__ import annotations

from localcloud.core.errors import ApiError
from localcloud.core.ports import Outcome
from localcloud.core.store import Document
from localcloud.http.context import Context


class JobResources:
    """Makes them by the cloud's clock."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def pending(self, project: str, job_id: str, location: str, configuration: Document, member: str) -> Document:
        """A job that was accepted."""
        return {
            "kind": "bigquery#job",
            "id": f"{project}:{location}.{job_id}",
            "selfLink": f"{self._context.url}/bigquery/v2/projects/{project}/jobs/{job_id}?location={location}",
            "user_email": member.partition(":")[2],
            "jobReference": {"projectId": project, "jobId": job_id, "location": location},
            "configuration": {**configuration, "jobType": "QUERY"},
            "status": {"state": "PENDING"},
            "statistics": {"creationTime": str(self._context.clock.millis())},
        }

    def succeeded(self, resource: Document, outcome: Outcome) -> Document:
        """The same job, DONE with this outcome."""
        done = self._ended(resource)
        query = {"statementType": outcome.statement_type, "cacheHit": False} | outcome.statistics
        query.setdefault("totalBytesProcessed", "0")
        query.setdefault("totalBytesBilled", "0")
        done["statistics"] |= {"query": query, "totalBytesProcessed": query["totalBytesProcessed"]}
        if outcome.destination:
            configured = done["configuration"]["query"]
            done["configuration"]["query"] = configured | {"destinationTable": outcome.destination}
        return done

    def _ended(self, resource: Document) -> Document:
        now = str(self._context.clock.millis())
        statistics = {"startTime": now} | resource["statistics"] | {"endTime": now}
        statistics["finalExecutionDurationMs"] = str(int(now) - int(statistics["startTime"]))
        return {**resource, "status": {"state": "DONE"}, "statistics": statistics}

    def failed(self, resource: Document, error: ApiError) -> Document:
        """The document of the same job, DONE with this error."""
        done = self._ended(resource)
        done["status"] |= {"errorResult": error.proto(), "errors": [error.proto()]}
        done["statistics"].setdefault("query", {"cacheHit": False, "totalBytesProcessed": "0"})
        return {"resource": done, "error": failure(error)}


def failure(error: ApiError) -> Document:
    """What is kept of the error that a job failed with."""
    return {"code": error.code, "reason": error.reason, "message": error.message}
