"""The services, one a folder or a file: BigQuery, Cloud Storage, Vertex AI, connections, IAM, Dataform and the rest."""
