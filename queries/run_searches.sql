-- Find the nearest images to every search text. Run by imagesearch.pipeline.search.
CREATE OR REPLACE TABLE ${results}
OPTIONS (
  description = 'The nearest images to each search text.',
  labels = ${labels}
)
AS
SELECT
  query.name AS search,
  query.content AS search_text,
  ROW_NUMBER() OVER (PARTITION BY query.name ORDER BY distance, base.uri) AS place,
  base.uri AS gcs_uri,
  distance,
  (SELECT MAX(entry.value) FROM UNNEST(base.metadata) AS entry WHERE entry.name = 'caption') AS caption
FROM
  VECTOR_SEARCH(
    TABLE ${embeddings},
    'embedding',
    TABLE ${search_embeddings},
    'embedding',
    top_k => ${top_k},
    distance_type => ${distance_type}
  )
WHERE TRUE
QUALIFY place <= query.top_k
