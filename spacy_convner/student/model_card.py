"""Room 6: what a packaged student says about itself: ``meta.json`` and ``README.md``, which ``spacy package`` takes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# The first line of a README of ours: another one is somebody's own.
MARK = "<!-- Written by convner describe. -->"
# In ``meta["performance"]``, beside what training wrote there.
STRICT = "strict"


def describe_meta(
    meta: Mapping[str, Any],
    said: Mapping[str, str],
    sources: Mapping[str, str],
    scores: Mapping[str, Mapping[str, Mapping[str, Any]]],
) -> dict[str, Any]:
    """Say in a pipeline's meta what people install.

    meta (Mapping): As the pipeline has it. said (Mapping[str, str]): name, version, license, author, description, url;
        an empty one keeps what is there.
    sources (Mapping[str, str]): Corpus or labeller → what it is, or where. Empty keeps what is there.
    scores (Mapping): System → test set → strict scores (p, r, f, n). Empty keeps what is there.
    RETURNS (dict): The new meta. ``spacy package`` adds the requirements that the config has, so ours are left to it.
    """
    new = dict(meta)
    new.update({key: value for key, value in said.items() if value})
    if sources:
        new["sources"] = [
            {"name": name, "url" if text.startswith(("http://", "https://")) else "description": text}
            for name, text in sources.items()
        ]
    if scores:
        kept = {
            system: {name: {key: found[key] for key in ("p", "r", "f", "n")} for name, found in sets.items()}
            for system, sets in scores.items()
        }
        new["performance"] = {**(meta.get("performance") or {}), STRICT: kept}
    if "requirements" in new:
        new["requirements"] = [wanted for wanted in new["requirements"] if not wanted.startswith("spacy-convner")]
    return new


def write_card(meta: Mapping[str, Any], matcher: str | None) -> str:
    """RETURNS (str): README.md in Markdown. matcher (str | None): Name of the pipeline's ``catalog_matcher``."""
    package = str(meta["name"])
    if not package.startswith(f"{meta['lang']}_"):
        package = f"{meta['lang']}_{package}"
    parts = [MARK, f"# {package} {meta.get('version', '')}".rstrip(), meta.get("description") or "", _usage(package)]
    if matcher is not None:
        parts.append(_catalog(matcher))
    parts += [_labels(meta), _scores(meta), _sources(meta)]
    author = meta.get("author") or ""
    by = f"[{author or meta['url']}]({meta['url']})" if meta.get("url") else author
    parts.append(f"## Licence\n\n{meta.get('license') or 'Not stated.'}" + (f"\n\nBy {by}." if by else ""))
    return "\n\n".join(part for part in parts if part) + "\n"


def _usage(package: str) -> str:
    return f"""## Usage

```python
import spacy

nlp = spacy.load("{package}")
for doc in nlp.pipe(["play hello by adele", "watch frozen"]):
    print([(ent.text, ent.label_) for ent in doc.ents])
```"""


def _catalog(matcher: str) -> str:
    return f"""## Today's catalog

The names that it finds are those of its catalog. The wheel holds one; a newer one needs no training:

```python
nlp.get_pipe("{matcher}").load_catalog("catalog.jsonl")  # extend=True adds to the one inside
```

A line of the file is `{{"text": "Hello", "label": "Song"}}`."""


def _labels(meta: Mapping[str, Any]) -> str:
    rows = [[name, ", ".join(map(str, labels))] for name, labels in (meta.get("labels") or {}).items() if labels]
    return "## Labels\n\n" + _table(["Component", "Labels"], rows) if rows else ""


def _scores(meta: Mapping[str, Any]) -> str:
    rows = [
        [system, name, *(f"{100 * found[key]:.1f}" for key in "prf"), f"{found['n']:,}"]
        for system, sets in ((meta.get("performance") or {}).get(STRICT) or {}).items()
        for name, found in sets.items()
    ]
    if not rows:
        return ""
    heads = ["System", "Test set", "Precision", "Recall", "F1", "Spans"]
    return "## Scores\n\nStrict: characters and label are both right; in per cent.\n\n" + _table(heads, rows)


def _sources(meta: Mapping[str, Any]) -> str:
    rows = []
    for source in meta.get("sources") or []:
        if isinstance(source, str):
            rows.append([source, ""])
        else:
            rows.append([source.get("name", ""), source.get("description") or source.get("url") or ""])
    return "## Training data\n\n" + _table(["Source", "What it is"], rows) if rows else ""


def _table(heads: list[str], rows: list[list[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join("| " + " | ".join(_cell(cell) for cell in line) + " |" for line in lines)


def _cell(text: str) -> str:
    return " ".join(str(text).split()).replace("|", r"\|")
