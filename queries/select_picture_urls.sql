-- Addresses from which pictures can be read for six hours. Run by imagesearch.web.pictures.
SELECT uri, signed_url
FROM EXTERNAL_OBJECT_TRANSFORM(TABLE ${object_table}, ['SIGNED_URL'])
WHERE uri IN UNNEST(@uris)
