"""Cloud Storage: buckets that are folders, objects that are files in them, and the JSON API over both."""

from localcloud.apis.storage.api import routes
from localcloud.apis.storage.buckets import Buckets

__all__ = ["Buckets", "routes"]
