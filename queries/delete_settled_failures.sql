-- Forget failures whose object is gone, has changed since, or was embedded in the end. Run by imagesearch.pipeline.embeddings.
DELETE FROM ${failures}
WHERE
  (uri, generation) NOT IN (SELECT (uri, generation) FROM ${object_table})
  OR (uri, generation) IN (SELECT (uri, generation) FROM ${embeddings})
