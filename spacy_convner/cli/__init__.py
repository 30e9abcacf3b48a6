"""``convner`` and ``spacy convner``: a file a room; each parses, calls a room, prints."""

from spacy.cli._util import app as _spacy_app

# Importing a command's module registers it; --help lists them in this order.
from . import label, convert, evaluate, compare, benchmark, ablate, ablate_students, report, catalog, store, tryout  # isort: skip  # noqa: F401
from . import train, assemble, trim_vocabulary, export, bench, bench_catalog, describe  # isort: skip  # noqa: F401
from . import detect, cluster, patterns_generate, patterns_review, populate, testsets  # isort: skip  # noqa: F401
from .app import app

_spacy_app.add_typer(app, name="convner")


def main() -> None:
    """Console script ``convner``."""
    app(prog_name="convner")
