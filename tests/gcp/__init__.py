"""The end-to-end test on a Google Cloud project, and on the local cloud so that it is known to work.

    make test-gcp PROJECT=my-project                      Application Default Credentials are all it needs
    python -m tests.gcp.sweep my-project [--remove]       what killed runs did not remove

docs/first-run-on-google-cloud.md walks through it.
"""
