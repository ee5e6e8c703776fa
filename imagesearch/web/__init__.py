"""The search page: type words, see pictures. A small server for the person who runs it.

    server.py     binds an address, says who can reach it
    guard.py      whom it answers: Host, cross-site requests, response headers
    address.py    the page's address is the question: parsed, checked, written
    thumbnails.py the pictures, read through signed URLs and passed on
    app.py        the pages

It changes nothing: it answers GET alone, writes nothing into the dataset, and pays for the embedding of a text that it
has not seen since it started, and for the bytes that a search reads.
"""
