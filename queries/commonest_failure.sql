-- The status most rows failed with. Run by imagesearch.pipeline.embeddings when it gives up.
SELECT
  status,
  COUNT(*) AS images
FROM ${failures}
WHERE kind = 'retryable'
GROUP BY status
ORDER BY images DESC, status
LIMIT 1
