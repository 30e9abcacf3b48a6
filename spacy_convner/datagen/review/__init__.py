"""Review of patterns by people: a page or a terminal, agreement, merging, and other annotation tools."""
