-- Images that are set aside, by status: all of them, or those of @uris. Run by imagesearch.pipeline.retry.
SELECT
  status,
  COUNT(*) AS images
FROM ${failures}
WHERE
  kind = 'permanent'
  AND (@every_uri OR uri IN UNNEST(@uris))
  AND STARTS_WITH(status, @status_prefix)
GROUP BY status
ORDER BY images DESC, status
