-- Search texts that got no embedding. Run by imagesearch.pipeline.search.
SELECT name, status
FROM ${search_embeddings}
WHERE
  COALESCE(status, '') <> ''
  OR COALESCE(ARRAY_LENGTH(embedding), 0) <> ${dimension}
ORDER BY name
