"""The process in which a catalog is built, or loaded and matched with. Run by ``costs_by_turns``, not imported.

One JSON object on standard input says what to do, one on standard output what it cost.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

from ..errors import ConvnerError


def main() -> None:
    """Do what standard input says and answer."""
    channel = os.fdopen(os.dup(1), "w", encoding="utf8")
    os.dup2(2, 1)  # what a library prints must not come before the answer
    job = json.load(sys.stdin)
    try:
        answer = build(job) if job["do"] == "build" else match(job)
    except ConvnerError as err:
        answer = {"error": str(err)}
    channel.write(json.dumps(answer))
    channel.close()


def build(job: dict[str, Any]) -> dict[str, Any]:
    """RETURNS (dict): As ``cost_of_building``: reading the records, building and writing the index."""
    from spacy.vocab import Vocab

    from .costs import cost_of_building
    from .index.update import build_index
    from .normalization.normalizer import make_normalizer
    from .sources.records import read_catalog

    def run() -> None:
        build_index(read_catalog(Path(job["catalog"])), Path(job["index"]), Vocab(), make_normalizer())

    return dict(cost_of_building(run))


def match(job: dict[str, Any]) -> dict[str, Any]:
    """RETURNS (dict): As ``cost_of_matching``, of a whole ``catalog_matcher``; and entries."""
    import spacy

    from .costs import Matcher, cost_of_matching
    from .index.storage import read_manifest
    from .normalization.normalizer import normalizer_like

    nlp = spacy.blank(job["lang"])
    for text in job["texts"]:
        nlp.make_doc(text)  # what the tokenizer remembers isn't the catalog's
    steps = list(normalizer_like(read_manifest(Path(job["index"])).normalizer).steps)
    normalizer = {"@misc": "spacy_convner.Normalizer.v1", "steps": steps}
    matcher: Any = nlp.add_pipe("catalog_matcher", config={"catalog": job["index"], "normalizer": normalizer})

    def load() -> Matcher:
        matcher.initialize()
        return lambda doc: len(matcher(doc).spans[matcher.spans_key])

    return {**cost_of_matching(load, nlp, job["texts"]), "entries": len(matcher.index)}


if __name__ == "__main__":
    main()
