-- What came of one batch; retryable as record_failures.sql says. Run by imagesearch.convergence.
SELECT
  COUNTIF(status = '' AND ARRAY_LENGTH(embedding) = ${dimension}) AS embedded,
  COUNTIF(
    STARTS_WITH(status, 'A retryable error occurred:')
    OR STARTS_WITH(status, 'PERMISSION_DENIED')
  ) AS retryable,
  COUNTIF(STARTS_WITH(status, 'PERMISSION_DENIED')) AS refused,
  COUNT(*) AS total
FROM ${staging}
