"""The public-benchmark protocol of the paper (section 5.3): a catalog made of the corpus, exemplars from its training
split, and what the catalog alone gives away beside every score.
"""
