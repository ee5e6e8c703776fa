-- Keep what a staging table says of the rows that failed, each attempt counted once. Run by imagesearch.pipeline.embeddings.
-- A missing permission is not the image's fault, and often a grant that has not acted yet: such a row is tried again.
MERGE ${failures} AS known
USING (
  SELECT
    uri,
    generation,
    embedded_at AS attempted,
    IF(COALESCE(status, '') = '', 'The service returned no embedding of this length.', status) AS status,
    IF(
      STARTS_WITH(status, 'A retryable error occurred:')
      OR STARTS_WITH(status, 'PERMISSION_DENIED'),
      'retryable',
      'permanent'
    ) AS kind
  FROM ${staging}
  WHERE
    COALESCE(status, '') <> ''
    OR COALESCE(ARRAY_LENGTH(embedding), 0) <> ${dimension}
) AS failed
ON
  known.uri = failed.uri
  AND known.generation = failed.generation
WHEN MATCHED AND known.last_attempt < failed.attempted THEN
  UPDATE SET
    status = failed.status,
    kind = failed.kind,
    attempts = known.attempts + 1,
    last_attempt = failed.attempted
WHEN NOT MATCHED THEN
  INSERT (uri, generation, status, kind, attempts, last_attempt)
  VALUES (failed.uri, failed.generation, failed.status, failed.kind, 1, failed.attempted)
