"""Pictures for the local cloud: from Debian's Tux Paint stamps, a folder or a public bucket, into a folder or a bucket.

    tuxpaint.py, folder.py, public_bucket.py  --Selection-->  into_folder.py, into_bucket.py

`python -m localcloud.images --help` shows how to call it. Pictures are never part of the checkout.
"""
