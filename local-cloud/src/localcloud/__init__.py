"""A Google Cloud on loopback, as far as image search on BigQuery needs one.

The package stands alone: it imports neither the Pulumi program nor imagesearch/ and is reached only over HTTP, by the
clients that would reach Google. What it does not implement it refuses by name, in the service's own error shape.
"""
