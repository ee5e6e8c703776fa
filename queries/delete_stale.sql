-- Remove the embeddings of objects that are gone from the bucket. Run by imagesearch.pipeline.embeddings.
DELETE FROM ${embeddings}
WHERE uri NOT IN (
  SELECT uri
  FROM ${object_table}
  WHERE content_type IN UNNEST(@content_types)
)
