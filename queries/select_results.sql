-- What the searches found, best first. Run by imagesearch.pipeline.search.
SELECT search, search_text, place, gcs_uri, distance, caption
FROM ${results}
ORDER BY search, place
