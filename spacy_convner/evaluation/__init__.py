"""Room: Docs → numbers, and numbers → a page that people read."""
