-- Embed the search texts with the model that embedded the images. Run by imagesearch.pipeline.search.
CREATE OR REPLACE TABLE ${search_embeddings}
OPTIONS (
  description = 'Embeddings of the search texts.',
  labels = ${labels}
)
AS
SELECT name, content, top_k, embedding, status
FROM
  AI.GENERATE_EMBEDDING(
    MODEL ${model},
    (
      SELECT name, text AS content, top_k
      FROM UNNEST(@searches)
    ),
    STRUCT(${dimension} AS output_dimensionality)
  )
