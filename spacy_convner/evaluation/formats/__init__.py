"""Corpora in the formats that people have: files → annotated utterances, and back."""
