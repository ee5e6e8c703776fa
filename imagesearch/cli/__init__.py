"""The command line: `python -m imagesearch …`."""
