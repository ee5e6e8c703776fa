-- The nearest images to one vector among those of some content types in one folder. Run by imagesearch.pipeline.interactive_search.
-- Exact: the index would filter after the search, and leave fewer than were asked for.
SELECT
  base.uri AS gcs_uri,
  distance,
  (SELECT MAX(entry.value) FROM UNNEST(base.metadata) AS entry WHERE entry.name = 'caption') AS caption
FROM
  VECTOR_SEARCH(
    (
      SELECT uri, metadata, embedding
      FROM ${embeddings}
      WHERE
        STARTS_WITH(uri, @folder)
        AND (ARRAY_LENGTH(@content_types) = 0 OR content_type IN UNNEST(@content_types))
    ),
    'embedding',
    (SELECT @embedding AS embedding),
    'embedding',
    top_k => ${top_k},
    distance_type => ${distance_type},
    options => '{"use_brute_force": true}'
  )
ORDER BY distance, gcs_uri
