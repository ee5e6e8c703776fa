"""BigQuery v2: REST resources and jobs. The SQL that jobs run is in localcloud/engine/."""
