-- What must hold of the embeddings whatever happened: no uri twice, one dimension, one endpoint. Run by imagesearch.pipeline.embeddings.
SELECT
  COUNT(*) - COUNT(DISTINCT uri) AS duplicates,
  COUNTIF(ARRAY_LENGTH(embedding) <> ${dimension}) AS wrong_length,
  COUNTIF(endpoint <> ${endpoint}) AS wrong_endpoint
FROM ${embeddings}
