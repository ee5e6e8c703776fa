-- Register the embedding endpoint as a model that SQL can call. Run by imagesearch.pipeline.remote_model.
CREATE OR REPLACE MODEL ${model}
REMOTE WITH CONNECTION ${connection}
OPTIONS (ENDPOINT = ${endpoint})
