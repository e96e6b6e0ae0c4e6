"""`Sort=Attribute:asc|desc[,…]`: the direction has no default."""

from __future__ import annotations

from collections.abc import Iterable

from services.query.bazaarvoice.attributes import find_sort
from services.query.bazaarvoice.errors import Code, Refused, VendorError
from services.query.bazaarvoice.parameters import shown
from services.query.core.query import Attribute, Order, Subject
from services.query.core.vocabulary import Vocabularies

MAX_SORTS = 10
DIRECTIONS = {"asc": False, "desc": True}


def read_sorts(texts: Iterable[str], subject: Subject, vocabularies: Vocabularies) -> tuple[Order, ...]:
    """Of an attribute that comes twice the first counts. Raises Refused with everything that is wrong."""
    orders: dict[Attribute, Order] = {}
    errors: list[str] = []
    for item in (item.strip() for text in texts for item in text.split(",")):
        if not item:
            continue
        name, _, direction = (part.strip() for part in item.rpartition(":"))
        attribute = find_sort(subject, name or direction, vocabularies)
        if attribute is None:
            errors.append(f"Invalid URL Sort of '{shown(name or direction)}'.")
        elif not name or direction.lower() not in DIRECTIONS:
            name = shown(name or direction)
            errors.append(f"The sort '{name}' must specify a direction: {name}:asc or {name}:desc.")
        else:
            orders.setdefault(attribute, Order(attribute, DIRECTIONS[direction.lower()]))
    if len(orders) > MAX_SORTS:
        errors.append(f"Too many sorts: send {MAX_SORTS} at the most.")
    if errors:
        raise Refused([VendorError(Code.INVALID_SORT_ATTRIBUTE, error) for error in errors])
    return tuple(orders.values())
