"""`python -m imagesearch`: the command line (imagesearch/cli/)."""

import sys

from imagesearch.cli.commands import main

if __name__ == "__main__":
    sys.exit(main())
