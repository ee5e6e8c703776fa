"""What embedding costs, in US dollars. As of 2026-08-22; second-hand figures (contract section 1), so an estimate.

cloud.google.com/vertex-ai/generative-ai/pricing has the current ones. What BigQuery charges for bytes processed is not
counted here: the object table and the embeddings are small beside the cost of the model.
"""

from __future__ import annotations

PER_IMAGE = {"multimodalembedding@001": 0.0001, "gemini-embedding-2-preview": 0.00012}
"""Dollars for one image."""


def estimate(endpoint: str, images: int) -> float:
    """Dollars for `images` images."""
    return images * PER_IMAGE[endpoint]


def words(dollars: float) -> str:
    """An amount as a person reads it: with cents, and below a dollar with hundredths of them."""
    return f"${dollars:,.{2 if dollars >= 1 else 4}f}"
