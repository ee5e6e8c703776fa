"""The Pulumi CLI, also where its download site cannot be reached. See `python3 -m offline.pulumi_cli --help`.

Standard library only: it runs before anything is installed. The exception is `language_host.py`, which the CLI starts
with the Python of the project.
"""
