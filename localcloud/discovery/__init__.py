"""Google's API discovery documents as a judge of this server: with LOCALCLOUD_JUDGE=FILE in its
environment it writes to FILE what does not fit.

The documents come with google-api-python-client, which only this needs. They say which methods there are, which
parameters each takes, and what its request and its answer may hold.

    documents.py    which method a request is a call of
    fit.py          what in a JSON value its schema does not know or knows otherwise
    judge.py        the middleware that sees every request and every answer
"""
