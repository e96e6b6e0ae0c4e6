"""The commonest words of languages written in Latin letters: what no text of any length does without.

A word of several languages counts for each of them. One that is common in English too (die, was, me, no) counts for
none, English included: it tells nothing apart.
"""

from typing import Final

_LISTS: Final = {
    "en": "the and it this that with of are not but have you my they very just would its it's when than what too your "
    "great love good like loved really bought wear these well i'm don't very color size fits fit perfect dress quality "
    "beautiful cute comfortable product works work nice super easy",
    "es": "el la los las de del que y en un una es por con para lo se su al como más mas pero sus este esta está muy "
    "también tambien fue hay todo mi sin nada porque son ni ya le te yo era tiene esto bien calidad producto encanta "
    "gusta queda gracias recomiendo buena buen talla llegó precio compra",
    "fr": "le la les de des du et est un une en que qui dans pour pas je il elle ne ce sur avec se au aux mais plus "
    "cette très tres c'est j'ai mon ma mes sont été ete trop bien tout nous vous par n'est qu'il ou comme qualité "
    "produit bonne bon livraison taille merci",
    "de": "der das und ist ich nicht ein eine den dem mit für fuer zu auf sich auch es von im sehr aber wie bei "
    "oder sind nur noch wird einen einer einem mir mich aus habe hat kein keine schon wir leider gut qualität "
    "produkt lieferung größe alles gerne passt schön",
    "it": "il lo la gli le di del della che e è un una per con non sono si mi ma come più questo questa anche molto "
    "ho ha da al nel alla dei delle ed era stato perché tutto bene qualità prodotto taglia consegna ottimo perfetto",
    "pt": "o os de da do das dos que e é em um uma para com não nao por mais como mas foi ao ele se na nos muito "
    "meu minha também tambem isso este esta está já eu são bem muita gostei produto qualidade chegou recomendo entrega "
    "tamanho",
    "nl": "de het een en is van ik niet dat op te zijn met voor er maar aan ook heel deze heb heeft bij om je als zeer "
    "wel goed naar uit nog geen wordt mijn ze",
    "pl": "i w na z się sie nie jest że ze to do jak ale bardzo po za od o mi dla tak czy jestem już produkt są tylko "
    "polecam ma",
    "sv": "och det att är jag en ett som på inte med för den har av till men så mycket var om kan man mycket bra från",
    "da": "og det at er jeg en et som på ikke med for den har af til men så meget var om kan man fra godt også",
    "no": "og det at er jeg en et som på ikke med for den har av til men så veldig var om kan man fra bra også",
    "fi": "ja on ei se että hyvä mutta oli en ole tämä kun niin erittäin myös joka olen kuin todella",
    "cs": "a je se na v že to s do jsem ale si jsou jako pro velmi ne tak o za by i k který dobrý už není",
    "sk": "a je sa na v že to s do som ale si sú ako pre veľmi nie tak o za by aj k ktorý už",
    "hu": "a az és hogy nem is egy ez van de nagyon csak volt meg ha már mint jó vagy el",
    "ro": "și si de la în in nu este un o cu că ca pe mai dar foarte pentru din am sunt care bun a",
    "tr": "ve bir bu çok için ürün ama da de ile ne gibi daha değil güzel var yok en kadar aldım tavsiye ederim",
    "hr": "i je u na se da za su od nije ali vrlo jako sam što kao to ne bih dobro",
    "sl": "in je v na se da za so od ni pa zelo sem kot to ne bi dobro ki",
    "ca": "el la els les de del que i en un una és per amb no es molt però són més aquest aquesta està també",
    "id": "yang dan di ini itu dengan untuk tidak dari saya ada sangat bagus tapi juga sudah akan pada bisa barang",
    "vi": "và là của có không cho được rất này tôi với một hàng đẹp thì mình nhưng sản phẩm",
    "et": "ja on ei see et ma väga kui ka oli mis aga hea ning",
    "lv": "un ir es ka ar no par nav bet ļoti man arī tas uz",
    "lt": "ir yra kad aš labai bet su į iš ne tai man buvo",
    "tl": "ang ng sa na at ko ay mga hindi ito po naman yung lang maganda",
    "sq": "dhe është një në për nuk që me të shumë",
    "af": "die en is nie van ek het dit te om vir met baie maar",
}

_AMBIGUOUS_WORDS: Final = (
    "a all also am an as at be by can da dat dem den die do em for gut had has hat he i if in is man me men more most "
    "no on one or per plus so son to van war was we were will ya"
)
_AMBIGUOUS: Final = frozenset(_AMBIGUOUS_WORDS.split())
COMMON_WORDS: Final[dict[str, frozenset[str]]] = {}
"""Languages by word."""


def _fill() -> None:
    languages: dict[str, set[str]] = {}
    for language, words in _LISTS.items():
        for word in words.split():
            if word not in _AMBIGUOUS:
                languages.setdefault(word, set()).add(language)
    COMMON_WORDS.update((word, frozenset(among)) for word, among in languages.items())


_fill()
LISTED: Final = frozenset(_LISTS)
"""The languages that have a list."""
