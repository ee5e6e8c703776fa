"""The services, each a module or a package with `routes(context)`; a package has it in api.py.

bigquery/       BigQuery v2: datasets, tables, models, jobs      projects.py        Resource Manager v1
storage/        Cloud Storage v1                                service_usage.py   Service Usage v1 and v1beta1
vertex/         Vertex AI's embedding endpoint and its model    dataform.py        Dataform v1 and v1beta1
connections/    BigQuery connections v1                         iam.py, roles.py   policies, for every service
"""
