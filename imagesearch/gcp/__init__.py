"""Google Cloud as the program asks it: BigQuery, other services over REST, statements, grants, permissions, places."""
