import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.moderation.engine.context import NO_CONTEXT
from services.moderation.engine.passage import Passage
from services.moderation.engine.payments import checks_out, find_cards, find_ibans, issuer, luhn


def cards(text: str) -> list[tuple[str, str | None]]:
    return [(signal.matched, signal.detail) for signal in find_cards(Passage("text", text), NO_CONTEXT)]


def ibans(text: str) -> list[str]:
    return [signal.matched for signal in find_ibans(Passage("text", text), NO_CONTEXT)]


@pytest.mark.parametrize(
    ("number", "name"),
    [("4111 1111 1111 1111", "visa"), ("4012-8888-8888-1881", "visa"), ("5555555555554444", "mastercard"),
     ("2223 0031 2200 3222", "mastercard"), ("3782 822463 10005", "amex"), ("6011111111111117", "discover"),
     ("3056 930902 5904", "diners"), ("3530111333300000", "jcb"), ("5019717010103742", "dankort"),
     ("6759649826438453", "maestro"),
     ("4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1", "visa"), ("４１１１１１１１１１１１１１１１", "visa")],
)  # fmt: skip
def test_cards(number: str, name: str) -> None:
    assert cards(f"it is {number}, ok") == [(number, name)]


@pytest.mark.parametrize(
    "text", ["4111 1111 1111 1112", "1748503543012", "4006381333931", "0000 0000 0000 0000", "order 4111111111111111a"]
)
def test_other_numbers_are_no_cards(text: str) -> None:
    assert cards(text) == []


def test_cards_side_by_side() -> None:
    text = "4012888888881881 4012-8888-8888-1881 4012 8888 8888 1881"
    assert [card for card, _ in cards(text)] == ["4012888888881881", "4012-8888-8888-1881", "4012 8888 8888 1881"]


@pytest.mark.parametrize(
    "iban",
    ["DE89 3704 0044 0532 0130 00", "DE89370400440532013000", "GB29 NWBK 6016 1331 9268 19", "gb29nwbk60161331926819",
     "MT84 MALT 0110 0001 2345 MTLC AST0 01S", "AL47-2121-1009-0000-0002-3569-8741", "NO93 8601 1117 947"],
)  # fmt: skip
def test_ibans(iban: str) -> None:
    assert ibans(f"send to {iban} X please") == [iban]


@pytest.mark.parametrize(
    "text",
    ["DE89 3704 0044 0532 0130 01", "GB29 nWBK 6016 1331 9268 19", "D E89370400440532013000", "AB12 3456 7890 1234"],
)
def test_other_codes_are_no_ibans(text: str) -> None:
    assert ibans(text) == []


@given(st.integers(10**11, 10**18 - 1), st.integers(0, 9))
def test_one_wrong_digit_is_noticed(number: int, wrong: int) -> None:
    digits = str(number)
    check = next(str(last) for last in range(10) if luhn(digits + str(last)))
    assert luhn(digits + check)
    assert (str(wrong) == check) == luhn(digits + str(wrong))


@given(st.text(alphabet="0123456789ABDEabde -", max_size=60))
def test_what_is_found_checks_out(text: str) -> None:
    for signal in find_ibans(Passage("text", text), NO_CONTEXT):
        assert signal.matched == text[signal.start : signal.end]
        assert checks_out(signal.matched.replace(" ", "").replace("-", ""))
    for signal in find_cards(Passage("text", text), NO_CONTEXT):
        assert signal.matched == text[signal.start : signal.end]
        assert issuer("".join(filter(str.isdigit, signal.matched)), asked=True)
