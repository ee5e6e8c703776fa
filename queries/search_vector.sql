-- The nearest images to one vector, by the index where there is one. Run by imagesearch.pipeline.interactive_search.
SELECT
  base.uri AS gcs_uri,
  distance,
  (SELECT MAX(entry.value) FROM UNNEST(base.metadata) AS entry WHERE entry.name = 'caption') AS caption
FROM
  VECTOR_SEARCH(
    TABLE ${embeddings},
    'embedding',
    (SELECT @embedding AS embedding),
    'embedding',
    top_k => ${top_k},
    distance_type => ${distance_type}
  )
ORDER BY distance, gcs_uri
