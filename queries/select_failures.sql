-- Images that are not embedded and why, permanent ones first. Run by imagesearch.pipeline.embeddings and the command line.
SELECT uri, generation, status, kind, attempts, last_attempt
FROM ${failures}
ORDER BY kind, uri
LIMIT @row_limit
