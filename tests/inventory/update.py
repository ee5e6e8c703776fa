"""Write the golden inventories again: python -m tests.inventory.update. Read the difference before you keep it."""

from __future__ import annotations

from tests.inventory import golden
from tests.inventory.stack_files import STACK_FILES

if __name__ == "__main__":
    for file in STACK_FILES:
        golden.path(file.stack).write_text(golden.text(file), encoding="utf-8")
        print(golden.path(file.stack))
