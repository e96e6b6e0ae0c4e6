import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.moderation.engine.addresses import find_addresses
from services.moderation.engine.context import NO_CONTEXT
from services.moderation.engine.passage import Passage


def found(text: str) -> list[str]:
    return [signal.matched for signal in find_addresses(Passage("text", text), NO_CONTEXT)]


@pytest.mark.parametrize(
    "address",
    ["150 Milford Road East Windsor, NJ 08520", "75 Austin Rd", "10 Downing Street, London SW1A 2AA", "PO Box 123",
     "1600 Pennsylvania Avenue NW, Washington, DC 20500", "P.O. Box 45, Springfield, IL 62701", "721 5th Ave",
     "12 rue de Rivoli", "12, rue de la Paix, 75002 Paris", "3 place de la République", "Hauptstraße 12",
     "123 main street",
     "Hauptstr. 5, 10115 Berlin", "Berliner Straße 7", "Calle Mayor 5", "Via Roma 3", "Rua Augusta, 1500",
     "Av. Paulista 1578", "Keizersgracht 123", "ul. Marszałkowska 12/4", "42 Wallaby Way"],
)  # fmt: skip
def test_addresses(address: str) -> None:
    assert found(f"we are at {address} (come)") == [address]


@pytest.mark.parametrize(
    "text",
    ["a 3 way street", "size 12 dress", "5 minute drive from here", "a 10 Minute Drive", "21 Jump Street was great",
     "10 Cloverfield Lane", "Parkplatz 3", "Rückweg 2 Stunden", "via Bluetooth 5", "Spring 2019", "8 Mile Road",
     "took 10 Dr. Smith", "15 different avenue", "corner of 5th and Main Street", "“13 Demon Street”",
     "7 Days On The Road"],
)  # fmt: skip
def test_other_text(text: str) -> None:
    assert found(text) == []


@given(st.text(alphabet="1 AaStré.,rue\u0301ß", max_size=80))
def test_places_are_of_the_source(text: str) -> None:
    source = f"street rue strasse 1 {text}"
    for signal in find_addresses(Passage("text", source), NO_CONTEXT):
        assert signal.matched == source[signal.start : signal.end]
