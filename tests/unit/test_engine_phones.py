import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.moderation.engine.context import NO_CONTEXT, Context
from services.moderation.engine.passage import Passage
from services.moderation.engine.phones import find_phones


def found(text: str, context: Context = NO_CONTEXT) -> list[str]:
    return [signal.matched for signal in find_phones(Passage("text", text), context)]


@pytest.mark.parametrize(
    "number",
    ["(212) 555-0123", "212-736-5000", "+44 20 7946 0958", "020 7946 0958", "415.555.0132", "0044 20 7946 0958",
     "011 44 20 7946 0958", "+1.415.555.0132", "1-800-FLOWERS", "4I5-555-OI32",
     "４１５－５５５－０１３２", "415/555-0132",
     "4 1 5 5 5 5 0 1 3 2", "four one five five five five zero one three two"],
)  # fmt: skip
def test_numbers(number: str) -> None:
    assert found(f"So {number} now") == [number]


@pytest.mark.parametrize(
    "text",
    ["2019-05-12 10:15:00", "12/05/2019 - 15/06/2019", "sizes 0 2 4 6 8 10 12", "5'4\", 115 lbs, size 8, $45.50",
     "order number 4155550132", "10:30-11:45", "1,884,034,783 views", "1.000.000.000 views", "2147483647 views",
     "ISBN: 1581128312", "ISBN 978-3-16-148410-0", "32-24.5-32.5", "the 1930-1940's", "192.168.100.200",
     "4012 8888 8888 1881", "20 30 40 50 60 70 80", "8888888888", "123-456-7890", "06 08 10 12 14",
     "one two three four five six seven"],
)  # fmt: skip
def test_other_numbers(text: str) -> None:
    assert found(text) == []


def test_plans_of_more_countries_where_the_text_speaks_of_calling() -> None:
    assert found("tel: 030 1234567") == ["030 1234567"]
    assert found("030 1234567") == []
    assert found("Tel: 06 12 34 56 78") == ["06 12 34 56 78"]
    assert found("llámame al 612 345 678") == ["612 345 678"]
    assert found("call 867-5309") == ["867-5309"]


def test_plans_of_the_locale_and_of_the_languages_of_the_site() -> None:
    assert found("030 1234567", Context(locale="de-DE")) == ["030 1234567"]
    assert found("01 42 68 53 00", Context(languages=frozenset(["fr"]))) == ["01 42 68 53 00"]


def test_detail_is_the_international_form() -> None:
    (signal,) = find_phones(Passage("text", "(415) 555-0132"), NO_CONTEXT)
    assert signal.detail == "+14155550132"


def test_the_library_is_imported_when_it_is_needed() -> None:
    code = "import sys, services.moderation.engine.phones; assert 'phonenumbers' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


@given(st.text(alphabet="0123456789+-(). oOlx٣５", max_size=60))
def test_places_are_of_the_source(text: str) -> None:
    for signal in find_phones(Passage("text", f"call {text}"), NO_CONTEXT):
        assert signal.matched == f"call {text}"[signal.start : signal.end]
