-- Remove the embeddings of an older generation where the present one could not be embedded. Run by
-- imagesearch.convergence: a search must not find a picture that is not there any more.
DELETE FROM ${embeddings} AS stored
WHERE EXISTS (
  SELECT 1
  FROM ${failures} AS failures
  INNER JOIN ${object_table} AS objects
    ON objects.uri = failures.uri
    AND objects.generation = failures.generation
  WHERE
    failures.uri = stored.uri
    AND failures.kind = 'permanent'
    AND failures.generation <> stored.generation
)
