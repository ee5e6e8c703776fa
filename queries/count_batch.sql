-- What came of one batch; retryable as record_failures.sql says, misfits are vectors of another length than asked for.
-- Run by imagesearch.pipeline.embeddings.
SELECT
  COUNTIF(COALESCE(status, '') = '' AND ARRAY_LENGTH(embedding) = ${dimension}) AS embedded,
  COUNTIF(COALESCE(status, '') = '' AND COALESCE(ARRAY_LENGTH(embedding), 0) <> ${dimension}) AS misfits,
  COUNTIF(
    STARTS_WITH(status, 'A retryable error occurred:')
    OR STARTS_WITH(status, 'PERMISSION_DENIED')
  ) AS retryable,
  COUNTIF(STARTS_WITH(status, 'PERMISSION_DENIED')) AS refused,
  COUNT(*) AS total
FROM ${staging}
