"""Image search on BigQuery: how it is done. Knows nothing of Pulumi.

The library that the Pulumi program's resources call and that `python -m imagesearch` puts on the command line. It
speaks to BigQuery through one client (bigquery.py), with the statements in queries/ (sql.py).
"""
