-- One search that writes nothing; it fails with the status of a text that got no embedding. Run by imagesearch.pipeline.search.
SELECT
  base.uri AS gcs_uri,
  distance,
  (SELECT MAX(entry.value) FROM UNNEST(base.metadata) AS entry WHERE entry.name = 'caption') AS caption
FROM
  VECTOR_SEARCH(
    TABLE ${embeddings},
    'embedding',
    (
      SELECT IF(COALESCE(status, '') = '', embedding, ERROR(status)) AS embedding
      FROM
        AI.GENERATE_EMBEDDING(
          MODEL ${model},
          (SELECT @search_text AS content),
          STRUCT(${dimension} AS output_dimensionality)
        )
    ),
    'embedding',
    top_k => ${top_k},
    distance_type => ${distance_type}
  )
ORDER BY distance, gcs_uri
