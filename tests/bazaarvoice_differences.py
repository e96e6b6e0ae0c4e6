"""Where our answers have other members than the recorded ones, and why: data, printed in docs/bazaarvoice.md too."""

from __future__ import annotations

from typing import NamedTuple


class Difference(NamedTuple):
    place: str
    what: str
    """Seen from here: `added` or `missing`."""
    reason: str


_QUESTIONS = (
    "Questions and answers are not part of Plaudit; their statistics are left out, their lists of ids are empty."
)
_OLDER = "Newer recorded answers have it, older ones do not; ours always do."
_RANGES = "Recorded averages of before 2016 have neither range nor labels, newer ones do; ours always do."
_LABELS = "The vendor shows value labels in distributions since 2022; ours have one wherever the vocabulary has."

DIFFERENCES = (
    Difference("Author.QAStatistics", "missing", _QUESTIONS),
    Difference("Author.TotalAnswerCount", "missing", _QUESTIONS),
    Difference("Author.TotalQuestionCount", "missing", _QUESTIONS),
    Difference("Product.Active", "added", _OLDER),
    Difference("Product.Disabled", "added", _OLDER),
    Difference("Product.QAStatistics", "missing", _QUESTIONS),
    Difference("Product.TotalAnswerCount", "missing", _QUESTIONS),
    Difference("Product.TotalQuestionCount", "missing", _QUESTIONS),
    Difference(
        "Product.FilteredReviewStatistics.ContextDataDistribution.*.Values[].ValueLabel",
        "added",
        _LABELS,
    ),
    Difference("Product.ReviewStatistics.ContextDataDistribution.*.Values[].ValueLabel", "added", _LABELS),
    Difference("Product.ReviewStatistics.SecondaryRatingsAverages.*.DisplayType", "added", _RANGES),
    Difference("Product.ReviewStatistics.SecondaryRatingsAverages.*.Label", "added", _RANGES),
    Difference("Product.ReviewStatistics.SecondaryRatingsAverages.*.MaxLabel", "added", _RANGES),
    Difference("Product.ReviewStatistics.SecondaryRatingsAverages.*.MinLabel", "added", _RANGES),
    Difference("Product.ReviewStatistics.SecondaryRatingsAverages.*.ValueRange", "added", _RANGES),
    Difference("Review.CID", "added", _OLDER),
    Difference("Review.IPAddress", "missing", "Always null where it was recorded; Plaudit keeps no address to show."),
    Difference("Review.InappropriateFeedbackList", "added", _OLDER),
    Difference(
        "Review.InappropriateFeedbackList[]",
        "missing",
        "Who reported a review is nobody's business in public: the list is there and always empty.",
    ),
    Difference(
        "Review.OriginalProductName",
        "added",
        "Part of the vendor's reference; what the sender called the product, null where it did not say.",
    ),
    Difference("Review.SourceClient", "added", _OLDER),
    Difference("Review.TotalClientResponseCount", "added", _OLDER),
    Difference("Review.TotalInappropriateFeedbackCount", "added", _OLDER),
)
