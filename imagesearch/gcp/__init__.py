"""Google Cloud's clients and facts: BigQuery, other services over REST, statements, grants, permissions, locations."""
