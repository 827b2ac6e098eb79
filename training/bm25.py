"""Okapi BM25, the raw token overlap that embeddings are measured against."""

import re
from collections import Counter

import numpy as np
from numpy.typing import NDArray

WORD = re.compile(r"[^\W_]+")
K1, B = 1.2, 0.75  # Lucene's defaults


def words(text: str) -> list[str]:
    """Lower-case words, without punctuation."""
    return WORD.findall(text.lower())


def bm25_scores(queries: list[str], documents: list[str]) -> NDArray[np.float64]:
    """Score of every document for every query, (queries, documents).

    Robertson and Zaragoza 2009, with Lucene's idf, which is never negative. A word
    that a query repeats counts each time.
    """
    counts = [Counter(words(document)) for document in documents]
    lengths = np.array([sum(count.values()) for count in counts], dtype=np.float64)
    norms = K1 * (1 - B + B * lengths / lengths.mean())
    postings: dict[str, list[tuple[int, int]]] = {}
    for i, count in enumerate(counts):
        for word, times in count.items():
            postings.setdefault(word, []).append((i, times))
    scores = np.zeros((len(queries), len(documents)))
    for row, query in zip(scores, queries, strict=True):
        for word, repeats in Counter(words(query)).items():
            found = postings.get(word, [])
            idf = np.log1p((len(documents) - len(found) + 0.5) / (len(found) + 0.5))
            for i, times in found:
                row[i] += repeats * idf * times * (K1 + 1) / (times + norms[i])
    return scores
