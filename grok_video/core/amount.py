"""Money as the service counts it: integer ticks, and how an amount is shown.

1 USD = 10**10 ticks. Knows nothing of models, jobs or limits.
"""

from __future__ import annotations

TICKS_PER_USD = 10**10


def usd(ticks: int) -> str:
    """Ticks as an amount in dollars, with two to four decimals: '$0.302'."""
    text = f"{ticks / TICKS_PER_USD:.4f}"
    while text.endswith("0") and len(text.split(".")[1]) > 2:
        text = text[:-1]
    return f"${text}"


def priced(words: str, ticks: int | None) -> str:
    """A button's words with a price in ticks: 'Generate for $0.302'; only the words where the price is not known."""
    return words if ticks is None else f"{words} for {usd(ticks)}"
