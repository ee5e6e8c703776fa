-- Remove the embeddings beyond images.limit, the last in uri order. Run by imagesearch.pipeline.embeddings, only where
-- images.pruneToLimit says so: they were paid for.
DELETE FROM ${embeddings}
WHERE uri IN (
  SELECT uri
  FROM ${embeddings}
  WHERE TRUE
  QUALIFY ROW_NUMBER() OVER (ORDER BY uri) > @target_limit
)
