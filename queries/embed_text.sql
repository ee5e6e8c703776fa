-- The vector of one text; it fails with the status of a text that got none. Run by imagesearch.pipeline.interactive_search.
SELECT IF(COALESCE(status, '') = '', embedding, ERROR(status)) AS embedding
FROM
  AI.GENERATE_EMBEDDING(
    MODEL ${model},
    (SELECT @search_text AS content),
    STRUCT(${dimension} AS output_dimensionality)
  )
