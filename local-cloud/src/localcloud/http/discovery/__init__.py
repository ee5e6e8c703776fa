"""Google's API discovery documents, which say what there is to call, and what requests and answers may hold.

They come with google-api-python-client.

    documents.py    which method a request is a call of
    fit.py          what in a JSON value its schema does not know or knows otherwise
    requests.py     refuses requests that the documents do not allow, as the services do
    judge.py        with LOCALCLOUD_JUDGE=FILE in the server's environment: writes to FILE whatever does not fit
                    (LOCALCLOUD_CALLS=FILE: and every call)
"""
