"""``spacy_convner.CatalogRecords.v1``: entries, without the names that a test set holds out."""

from __future__ import annotations

from pathlib import Path

import pytest
from spacy.util import registry

from spacy_convner.catalog.sources.records import make_catalog_records
from spacy_convner.errors import ConfigError, DataError

from ..conftest import CATALOG, parse_markup, write_jsonl


def test_all_entries_every_time(catalog_path: Path) -> None:
    source = registry.misc.get("spacy_convner.CatalogRecords.v1")(str(catalog_path))
    assert len(list(source())) == len(list(source())) == len(CATALOG)


def test_excluded_names(catalog_path: Path, tmp_path: Path) -> None:
    annotated = write_jsonl(tmp_path / "unseen.jsonl", [parse_markup("[DUNE](Movie)"), parse_markup("[queen bey](X)")])
    listed = tmp_path / "names.txt"
    listed.write_text("dr dre\n", encoding="utf8")

    def names(exclude: str | list[str]) -> set[str]:
        return {entry.text for entry in make_catalog_records(catalog_path, exclude)()}

    # a name of all labels, an entry by its alias
    assert names(str(annotated)) == {entry["text"] for entry in CATALOG} - {"Dune", "Beyoncé"}
    assert names([str(annotated), str(listed)]) == {entry["text"] for entry in CATALOG} - {"Dune", "Beyoncé", "Dr. Dre"}
    assert len(names([])) == len({entry["text"] for entry in CATALOG})


def test_a_list_that_is_not_there(catalog_path: Path, tmp_path: Path) -> None:
    source = make_catalog_records(catalog_path, str(tmp_path / "none.jsonl"))  # reads nothing yet
    with pytest.raises(DataError, match="no such file"):
        list(source())
    with pytest.raises(ConfigError, match="path of a file"):
        list(make_catalog_records(catalog_path, "")())
