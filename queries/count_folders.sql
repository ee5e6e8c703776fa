-- What a search can be limited to: folders and content types of the embedded images. Run by imagesearch.pipeline.interactive_search.
SELECT
  REGEXP_EXTRACT(uri, '^gs://.*/') AS folder,
  content_type,
  COUNT(*) AS images
FROM ${embeddings}
GROUP BY folder, content_type
ORDER BY images DESC, folder, content_type
LIMIT 200
