-- Search texts that got no embedding. Run by imagesearch.search.
SELECT name, status
FROM ${search_embeddings}
WHERE
  status <> ''
  OR ARRAY_LENGTH(embedding) <> ${dimension}
ORDER BY name
