"""Catalog-grounded conversational NER for spaCy. The components register themselves; this import is optional."""

from .attrs import install_extensions

__version__ = "0.1.0"

install_extensions()
