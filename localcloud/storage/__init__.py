"""Cloud Storage: buckets that are folders, objects that are files in them, and the JSON API over both."""

from localcloud.storage.api import routes
from localcloud.storage.buckets import Buckets

__all__ = ["Buckets", "routes"]
