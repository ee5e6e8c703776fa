"""Jobs as REST and the store have them, at each moment of a job's life.

Source: https://cloud.google.com/bigquery/docs/reference/rest/v2/Job.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

from localcloud.core.errors import ApiError
from localcloud.core.ports import Outcome
from localcloud.core.store import Document
from localcloud.http.context import Context


@dataclass(frozen=True)
class Result:
    """Where the rows of a job are."""

    table: tuple[str, str] | None
    """DuckDB (schema, table); None when the statement has no rows."""
    schema: Document
    """`{"fields": [...]}` as REST spells it."""
    total_rows: int

    def document(self) -> Document:
        """As the store keeps it."""
        return {"table": self.table, "schema": self.schema, "totalRows": self.total_rows}

    @classmethod
    def from_document(cls, document: Document) -> Result:
        """What `document` gave."""
        table = document["table"]
        return cls((table[0], table[1]) if table else None, document["schema"], document["totalRows"])


@dataclass(frozen=True)
class Failure:
    """The error of a job that failed."""

    code: int
    """Of HTTP, where a request waits for the job."""
    reason: str
    message: str

    @classmethod
    def of(cls, error: ApiError) -> Failure:
        """What is stored of an error."""
        return cls(error.code, error.reason, error.message)

    def error(self) -> ApiError:
        """The error as it is answered."""
        return ApiError(self.code, self.reason, self.message)


@dataclass(frozen=True)
class Job:
    """One job as it is now: the REST resource, and what only the local cloud knows of it."""

    resource: Document
    result: Result | None = None
    """None until it is DONE without error."""
    failure: Failure | None = None
    """Of a job that failed, or whose result has expired."""

    @property
    def done(self) -> bool:
        """Whether it has ended."""
        return bool(self.resource["status"]["state"] == "DONE")

    def raise_error(self) -> None:
        """Raise what the statement failed with, under its own HTTP code."""
        if self.failure:
            raise self.failure.error()

    def document(self) -> Document:
        """As the store keeps it."""
        document = {"resource": self.resource}
        if self.result:
            document["result"] = self.result.document()
        if self.failure:
            document["error"] = asdict(self.failure)
        return document

    @classmethod
    def from_document(cls, document: Document) -> Job:
        """What `document` gave."""
        result, failure = document.get("result"), document.get("error")
        return cls(
            document["resource"],
            Result.from_document(result) if result else None,
            Failure(**failure) if failure else None,
        )


class JobResources:
    """Makes resources by the cloud's clock."""

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

    def succeeded(self, resource: Document, outcome: Outcome) -> Job:
        """The same job, DONE with this outcome."""
        done = self._ended(resource)
        query = {"statementType": outcome.statement_type, "cacheHit": False} | outcome.statistics
        query.setdefault("totalBytesProcessed", "0")
        query.setdefault("totalBytesBilled", "0")
        done["statistics"] |= {"query": query, "totalBytesProcessed": query["totalBytesProcessed"]}
        if outcome.destination:
            configured = done["configuration"]["query"]
            done["configuration"]["query"] = configured | {"destinationTable": outcome.destination}
        return Job(done, Result(outcome.result_table, outcome.schema, outcome.total_rows))

    def _ended(self, resource: Document) -> Document:
        now = str(self._context.clock.millis())
        statistics = {"startTime": now} | resource["statistics"] | {"endTime": now}
        statistics["finalExecutionDurationMs"] = str(int(now) - int(statistics["startTime"]))
        return {**resource, "status": {"state": "DONE"}, "statistics": statistics}

    def failed(self, resource: Document, error: ApiError) -> Job:
        """The same job, DONE with this error."""
        done = self._ended(resource)
        done["status"] |= {"errorResult": error.proto(), "errors": [error.proto()]}
        done["statistics"].setdefault("query", {"cacheHit": False, "totalBytesProcessed": "0"})
        return Job(done, failure=Failure.of(error))
