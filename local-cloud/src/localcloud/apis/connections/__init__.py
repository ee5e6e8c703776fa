"""BigQuery connections v1: cloud resource connections and their service accounts.

resource.py       one connection, as REST and the store have it
connections.py    the connections of a local cloud: made, found, changed, deleted
api.py            the routes
"""
