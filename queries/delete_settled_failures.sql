-- Forget failures whose object is gone, has changed since, or was embedded in the end. Run by imagesearch.convergence.
DELETE FROM ${failures} AS failures
WHERE
  NOT EXISTS (
    SELECT 1
    FROM ${object_table} AS objects
    WHERE
      objects.uri = failures.uri
      AND objects.generation = failures.generation
  )
  OR EXISTS (
    SELECT 1
    FROM ${embeddings} AS stored
    WHERE
      stored.uri = failures.uri
      AND stored.generation = failures.generation
  )
