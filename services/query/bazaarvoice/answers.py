"""An answer of the core as the vendor's `Results` and `Includes`."""

from __future__ import annotations

from collections.abc import Callable

from services.query.bazaarvoice.labels import Json, Labels
from services.query.bazaarvoice.question import Question
from services.query.bazaarvoice.render_author import author
from services.query.bazaarvoice.render_catalog import category, product
from services.query.bazaarvoice.render_comment import comment
from services.query.bazaarvoice.render_review import review
from services.query.bazaarvoice.statistics import review_statistics
from services.query.core.answers import Answer, Row
from services.query.core.query import ID_FIELD, Subject

_NAMES = {
    Subject.PRODUCTS: "Products",
    Subject.CATEGORIES: "Categories",
    Subject.AUTHORS: "Authors",
    Subject.COMMENTS: "Comments",
    Subject.REVIEWS: "Reviews",
}


def results(answer: Answer, question: Question, labels: Labels) -> list[Json]:
    render = _renderer(question.query.subject, question, labels)
    return [render(row) for row in answer.rows]


def includes(answer: Answer, question: Question, labels: Labels) -> Json:
    """Of each kind of content an object by id and a list with the order; nothing of a kind without any."""
    shown: Json = {}
    for subject, rows in answer.included.items():
        if rows:
            render, name, key = _renderer(subject, question, labels), _NAMES[subject], ID_FIELD[subject]
            shown[name] = {str(row[key]): render(row) for row in rows}
            shown[f"{name}Order"] = [str(row[key]) for row in rows]
    return shown


def _renderer(subject: Subject, question: Question, labels: Labels) -> Callable[[Row], Json]:
    site, codes = question.query.site, question.moderator_codes
    match subject:
        case Subject.REVIEWS:
            return lambda row: review(row, site, labels, codes)
        case Subject.COMMENTS:
            return lambda row: comment(row, site, labels, codes)
        case Subject.PRODUCTS:
            return lambda row: _with_statistics(product(row, labels), row, question, labels)
        case Subject.AUTHORS:
            return lambda row: _with_statistics(author(row, labels), row, question, labels)
        case Subject.CATEGORIES:
            return lambda row: category(row, labels)


def _with_statistics(shown: Json, row: Row, question: Question, labels: Labels) -> Json:
    if question.query.statistics:
        shown["TotalReviewCount"] = row["statistics"]["review_count"]
        shown["ReviewStatistics"] = review_statistics(row["statistics"], labels, question.incentivized)
    if question.query.filtered_statistics:
        shown["FilteredReviewStatistics"] = review_statistics(row["filtered_statistics"], labels, question.incentivized)
    return shown
