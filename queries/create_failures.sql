-- The table of images that could not be embedded, with the reason. Run by imagesearch.pipeline.embedding_tables.
CREATE TABLE IF NOT EXISTS ${failures} (
  uri STRING NOT NULL,
  generation INT64 NOT NULL,
  status STRING NOT NULL,
  kind STRING NOT NULL,
  attempts INT64 NOT NULL,
  last_attempt TIMESTAMP NOT NULL
)
OPTIONS (
  description = 'Images that could not be embedded: kind is retryable or permanent (set aside until the object changes).',
  labels = ${labels}
)
