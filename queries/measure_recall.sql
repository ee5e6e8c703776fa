-- Share of the true nearest neighbours that the index finds, on sampled embeddings. Run by imagesearch.pipeline.vector_index.
WITH
  found AS (
    SELECT query.uri AS sample, base.uri AS neighbour
    FROM
      VECTOR_SEARCH(
        TABLE ${embeddings},
        'embedding',
        (SELECT uri, embedding FROM ${embeddings} ORDER BY md5_hash, uri LIMIT ${sample_size}),
        'embedding',
        top_k => ${top_k},
        distance_type => ${distance_type}
      )
  ),
  wanted AS (
    SELECT query.uri AS sample, base.uri AS neighbour
    FROM
      VECTOR_SEARCH(
        TABLE ${embeddings},
        'embedding',
        (SELECT uri, embedding FROM ${embeddings} ORDER BY md5_hash, uri LIMIT ${sample_size}),
        'embedding',
        top_k => ${top_k},
        distance_type => ${distance_type},
        options => '{"use_brute_force": true}'
      )
  )
SELECT SAFE_DIVIDE(COUNTIF(found.sample IS NOT NULL), COUNT(*)) AS recall
FROM wanted
LEFT JOIN found
  ON found.sample = wanted.sample
  AND found.neighbour = wanted.neighbour
