-- How the embeddings stand against the bucket: one row of counts. Run by imagesearch.pipeline.embeddings, in every diff.
-- Target: at most @target_limit images of the content types; those already embedded stay, the rest fill up in uri order.
WITH
  objects AS (
    SELECT uri, generation
    FROM ${object_table}
    WHERE content_type IN UNNEST(@content_types)
  ),
  embedded AS (
    SELECT uri, generation, embedded_at
    FROM ${embeddings}
  ),
  target AS (
    SELECT
      objects.uri,
      objects.generation,
      embedded.generation AS embedded_generation,
      failures.kind AS failure,
      failures.attempts AS attempts
    FROM objects
    LEFT JOIN embedded
      ON embedded.uri = objects.uri
    LEFT JOIN ${failures} AS failures
      ON failures.uri = objects.uri
      AND failures.generation = objects.generation
    WHERE TRUE
    QUALIFY ROW_NUMBER() OVER (ORDER BY IF(embedded.uri IS NULL, 1, 0), objects.uri) <= @target_limit
  ),
  states AS (
    SELECT
      CASE
        WHEN embedded_generation = generation THEN 'embedded'
        WHEN failure = 'permanent' THEN 'set_aside'
        WHEN embedded_generation IS NOT NULL THEN 'changed'
        ELSE 'new'
      END AS state
    FROM target
  )
SELECT
  (SELECT COUNT(*) FROM objects) AS objects,
  (SELECT COUNT(*) FROM states) AS target,
  (SELECT COUNTIF(state = 'embedded') FROM states) AS embedded,
  (SELECT COUNTIF(state = 'set_aside') FROM states) AS set_aside,
  (SELECT COUNTIF(state = 'changed') FROM states) AS changed,
  (SELECT COUNTIF(state = 'new') FROM states) AS `new`,
  (SELECT COUNT(*) FROM embedded WHERE uri NOT IN (SELECT uri FROM objects)) AS stale,
  (SELECT COUNT(*) FROM embedded) AS stored,
  (
    SELECT GREATEST(COUNT(*) - @target_limit, 0)
    FROM embedded
    WHERE uri IN (SELECT uri FROM objects)
  ) AS beyond_limit,
  (SELECT MAX(embedded_at) FROM embedded) AS last_embedded
