"""Google's API discovery documents: which methods there are, and what requests and answers may hold.

They come with google-api-python-client.

    documents.py      which method a request calls
    conformance.py    what in a JSON value its schema does not allow
    requests.py       refuses requests that the documents do not allow, as the services do
    recorder.py       with LOCALCLOUD_CONFORMANCE=FILE in the server's environment: writes to FILE every request and
                      answer that the documents do not allow (LOCALCLOUD_CALLS=FILE: and every call)
"""
