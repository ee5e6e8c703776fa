"""scripts/imports: packages, lines, edges and cycles of a package, from its source."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.checkout import CHECKOUT


def printed(folder: Path) -> list[str]:
    """The lines that the script prints, blanks squeezed."""
    command = [sys.executable, str(CHECKOUT / "scripts/imports"), str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return [" ".join(line.split()) for line in done.stdout.splitlines()]


def test_packages_edges_and_cycles_are_those_of_the_source(tmp_path: Path) -> None:
    package = tmp_path / "shop"
    for name, text in {
        "__init__.py": "",
        "web/__init__.py": "from shop import stock\n",
        "web/pages.py": "import shop.stock.shelf\nfrom shop.web import a\n\n\ndef f():\n    from shop.log import say\n",
        "stock/shelf.py": "import os\nfrom shop.log import say\n",
        "log.py": "import shopping\nfrom elsewhere import stock\n",
    }.items():
        (package / name).parent.mkdir(parents=True, exist_ok=True)
        (package / name).write_text(text)
    lines = printed(package)
    assert lines[0] == f"4 packages, 5 modules, 11 lines, 3 edges in {package}"
    assert "web 2 modules 7 lines" in lines
    assert [line for line in lines if "->" in line and "<->" not in line] == [
        "stock -> log 1",
        "web -> log 1",
        "web -> stock 2",
    ]
    assert lines[-1] == "0 cycles"
    (package / "log.py").write_text("from shop.web import pages\n")
    assert printed(package)[-2:] == ["1 cycles", "log <-> stock <-> web"]
