"""`Sort=Attribute:asc|desc[,…]`: the direction has no default. `relevancy:a1` is a sort of its own kind."""

from __future__ import annotations

from collections.abc import Iterable

from services.query.bazaarvoice.attributes import find_sort
from services.query.bazaarvoice.errors import Code, Refused, VendorError, refused
from services.query.bazaarvoice.parameters import shown
from services.query.core.query import Attribute, Field, Order, Subject
from services.query.core.vocabulary import Vocabularies

MAX_SORTS = 10
DIRECTIONS = {"asc": False, "desc": True}
RELEVANCY = "relevancy"
"""Of reviews; one of ALGORITHMS stands in place of its direction."""
ALGORITHMS = ("a1", "a2")
# How the vendor computes either it keeps to itself: what readers found helpful is what is known of it here.
_RELEVANT = (Order(Field.HELPFULNESS, descending=True), Order(Field.REVIEW_DATE, descending=True))


def read_sorts(texts: Iterable[str], subject: Subject, vocabularies: Vocabularies) -> tuple[Order, ...]:
    """Of an attribute that comes twice the first counts. Raises Refused with everything that is wrong."""
    sorts: dict[str, tuple[Order, ...]] = {}
    errors: list[VendorError] = []
    for item in (item.strip() for text in texts for item in text.split(",")):
        if not item:
            continue
        name, _, direction = (part.strip() for part in item.rpartition(":"))
        if not name:
            name, direction = direction, ""
        try:
            sorts.setdefault(name.lower(), _orders(name, direction.lower(), subject, vocabularies))
        except Refused as error:
            errors.extend(error.errors)
    if len(sorts) > MAX_SORTS:
        errors.append(VendorError(Code.INVALID_SORT_ATTRIBUTE, f"Too many sorts: send {MAX_SORTS} at the most."))
    if errors:
        raise Refused(errors)
    orders: dict[Attribute, Order] = {}
    for found in sorts.values():
        for order in found:
            orders.setdefault(order.field, order)
    return tuple(orders.values())


def _orders(name: str, direction: str, subject: Subject, vocabularies: Vocabularies) -> tuple[Order, ...]:
    """Of one sort. Raises Refused."""
    attribute = find_sort(subject, name, vocabularies)
    name = shown(name)
    if attribute is not None:
        if direction not in DIRECTIONS:
            raise _refused(f"The sort '{name}' must specify a direction: {name}:asc or {name}:desc.")
        return (Order(attribute, DIRECTIONS[direction]),)
    if name.lower() != RELEVANCY or subject is not Subject.REVIEWS:
        raise _refused(f"Invalid URL Sort of '{name}'.")
    if direction not in ALGORITHMS:
        raise _refused(f"The sort '{name}' must specify an algorithm: {name}:a1 or {name}:a2.")
    return _RELEVANT


def _refused(message: str) -> Refused:
    return refused(Code.INVALID_SORT_ATTRIBUTE, message)
