-- What came of one batch. Run by imagesearch.convergence.
SELECT
  COUNTIF(status = '' AND ARRAY_LENGTH(embedding) = ${dimension}) AS embedded,
  COUNTIF(STARTS_WITH(status, 'A retryable error occurred:')) AS retryable,
  COUNT(*) AS total
FROM ${staging}
