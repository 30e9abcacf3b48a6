"""Patterns from seed utterances: a generator that needs the teacher, one that asks a language model, and checks."""
