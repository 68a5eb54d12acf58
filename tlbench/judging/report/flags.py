"""A verdict in a word that needs no colour, with all that the word depends on."""

from tlbench.judging.verdict import Verdict, within

FLAGS = {
    "negative": "!! NEGATIVE",
    "positive": "++ positive",
    "neutral": "== neutral",
    "inconclusive": "?  inconclusive",
}
LEAKS = {"invalid": ": leak", "allowed": " (leak allowed)"}
SAID = ("negative", "positive", "neutral")  # words that say something of the gain, and hence for which budget


def flag(verdict: Verdict) -> str:
    """The verdict in a word, the budget that it holds for, and how it was come by."""
    word = FLAGS.get(verdict.verdict, f"!  {verdict.verdict}") + LEAKS.get(verdict.leak or "", "")
    word += within(verdict) if verdict.verdict in SAID else ""
    how = {"by pooled variance": verdict.pooled, "confirmed": verdict.confirmed, "provisional": verdict.provisional}
    return word + "".join(f" ({text})" for text, holds in how.items() if holds)
