"""The search page, a small web server for the person who runs it, and the gallery, one HTML file.

    server.py      binds an address and prints who can reach it
    guard.py       refuses requests by their Host and by the site they come from; sets response headers
    app.py         the pages
    address.py     a page's address as a question, parsed and written
    thumbnails.py  the pictures of a page, cached
    pictures.py    pictures as thumbnails, downloaded through signed URLs
    gallery.py     the gallery
    rendering.py   the templates of both

The server changes nothing: it answers only GET and writes nothing into the dataset. It costs one embedding for each
text that is new since it started, and the bytes that a search reads.
"""
