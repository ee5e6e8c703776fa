-- The stored vector of one image. Run by imagesearch.pipeline.interactive_search.
SELECT
  embedding,
  (SELECT MAX(entry.value) FROM UNNEST(metadata) AS entry WHERE entry.name = 'caption') AS caption
FROM ${embeddings}
WHERE uri = @uri
