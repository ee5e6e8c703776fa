-- Move the good rows of a staging table into the embeddings; an older generation is replaced in place. Run by
-- imagesearch.pipeline.embeddings; running it again changes nothing.
MERGE ${embeddings} AS stored
USING (
  SELECT *
  FROM ${staging}
  WHERE
    COALESCE(status, '') = ''
    AND ARRAY_LENGTH(embedding) = ${dimension}
  QUALIFY ROW_NUMBER() OVER (PARTITION BY uri ORDER BY generation DESC) = 1
) AS staged
ON stored.uri = staged.uri
WHEN MATCHED AND stored.generation <> staged.generation THEN
  UPDATE SET
    generation = staged.generation,
    content_type = staged.content_type,
    size = staged.size,
    md5_hash = staged.md5_hash,
    updated = staged.updated,
    metadata = staged.metadata,
    embedding = staged.embedding,
    endpoint = ${endpoint},
    dimension = ${dimension},
    embedded_at = staged.embedded_at
WHEN NOT MATCHED THEN
  INSERT (
    uri, generation, content_type, size, md5_hash, updated, metadata, embedding, endpoint, dimension, embedded_at
  )
  VALUES (
    staged.uri, staged.generation, staged.content_type, staged.size, staged.md5_hash, staged.updated, staged.metadata,
    staged.embedding, ${endpoint}, ${dimension}, staged.embedded_at
  )
