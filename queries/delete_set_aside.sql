-- Forget that images failed for good, so that the next run tries them again: all, or those of @uris. Run by imagesearch.pipeline.retry.
DELETE FROM ${failures}
WHERE
  kind = 'permanent'
  AND (@every_uri OR uri IN UNNEST(@uris))
  AND STARTS_WITH(status, @status_prefix)
