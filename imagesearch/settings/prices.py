"""What embedding costs, in US dollars: second-hand figures, so an estimate.

Source: docs/bigquery-contract.md#1-aigenerate_embedding.
cloud.google.com/vertex-ai/generative-ai/pricing has the current ones. Not counted are the texts of the searches (about
$0.0002 per 1,000 characters) and what BigQuery charges for bytes processed: small beside the cost of the images.
"""

from __future__ import annotations

from datetime import date

AS_OF = date(2026, 8, 22)
"""When these prices were looked up."""
PER_IMAGE = {"multimodalembedding@001": 0.0001, "gemini-embedding-2-preview": 0.00012}
"""Dollars for one image."""


def estimate(endpoint: str, images: int) -> float:
    """Dollars for `images` images."""
    return images * PER_IMAGE[endpoint]


def words(dollars: float) -> str:
    """An amount as a person reads it: with cents, and below a dollar with hundredths of them."""
    return f"${dollars:,.{2 if dollars >= 1 else 4}f}"
