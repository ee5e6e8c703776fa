-- The next images to embed: those never tried first, then by fewest attempts, in uri order. Run by imagesearch.pipeline.embeddings.
WITH
  target AS (
    SELECT
      objects.uri,
      objects.generation,
      embedded.generation AS embedded_generation
    FROM ${object_table} AS objects
    LEFT JOIN ${embeddings} AS embedded
      ON embedded.uri = objects.uri
    WHERE objects.content_type IN UNNEST(@content_types)
    QUALIFY ROW_NUMBER() OVER (ORDER BY IF(embedded.uri IS NULL, 1, 0), objects.uri) <= @target_limit
  )
SELECT
  target.uri,
  target.generation,
  COALESCE(failures.attempts, 0) AS attempts
FROM target
LEFT JOIN ${failures} AS failures
  ON failures.uri = target.uri
  AND failures.generation = target.generation
WHERE
  (target.embedded_generation IS NULL OR target.embedded_generation <> target.generation)
  AND (failures.kind IS NULL OR failures.kind <> 'permanent')
ORDER BY attempts, target.uri
LIMIT @batch_size
