-- Remove the embeddings of an older generation where the present one could not be embedded. Run by
-- imagesearch.pipeline.embeddings: a search must not find a picture that is not there any more.
DELETE FROM ${embeddings}
WHERE
  uri IN (
    SELECT objects.uri
    FROM ${object_table} AS objects
    INNER JOIN ${failures} AS failures
      ON failures.uri = objects.uri
      AND failures.generation = objects.generation
    WHERE failures.kind = 'permanent'
  )
  AND (uri, generation) NOT IN (SELECT (uri, generation) FROM ${object_table})
