"""BigQuery v2 of the local cloud: REST resources and jobs here, the SQL they run in sql/."""
