"""How common words are, by rough classes, so that a phrase is looked for by its rarest part."""

from typing import Final

_EVERYWHERE_TEXT: Final = (
    "a about after all also am an and any are as at back be because been before but by can could d did do don "
    "even for from get go good got great had has have he her him his how i if ii im in into is isn it its "
    "just know like little ll love m make me more much my need no not now of off on one only or other our out "
    "over re really right s see she size so some such t than that the their them then there these they this "
    "those time to too try two u up us ve very want was way we well were what when which while who will with "
    "work would y you your sale sales people 0 00 000 de la le el los las les un une una que e o di il lo gli "
    "der die das und ist ich du mit ein eine den dem zu se es en al por para con su mi tu te ne pas je vous "
    "est et au des na da os um uma em eu voce sei si ti "
)
_EVERYWHERE: Final = frozenset(_EVERYWHERE_TEXT.split())
_COMMON_TEXT: Final = (
    "petite due butt photos pictures spot needs faux non strap shower four send balance sack bell absolute ca "
    "va again always another app ask away bad bag ball bar bed best better big bit black blue body bottom "
    "bought boy boys brand bring brown bunch buy call came care check child chest city clean clear close cold "
    "color come comes comfortable company complete completely cool could cover cup cut cute day days deal "
    "deep designer die different dog door down dress drop early easy eat else end enough ever every everyone "
    "everything expect eye eyes fabric face fact fake fall family far fast fat feel feels feet felt few "
    "figure film find fine finger fingers first fit fits flat food foot free friend friends front full fun "
    "game games gave gets getting girl girls give given gives glad goes going gone green guess guy guys hair "
    "half hand hands hang happy hard hate head hear heart heavy help here hey high hit hold hole holes home "
    "hope horrible hot hour house huge hung idea inside item job keep kept kid kids kind lady large last late "
    "learn leave left leg legs length less let life light line live long look looked looking looks loose lose "
    "lost lot low made makes making man many material may maybe men middle might mind mine miss mom money "
    "mother mouth move movie must myself name neck never new next nice night nothing nude off often oh ok "
    "okay old once open order ordered others own paid pair pants part pass pay people perfect perfectly "
    "person phone pick picture piece pieces pink place plan play please plus point pool poor post pretty "
    "price problem product pull purchase push put quality quite read ready real reason red return returned "
    "review reviewer reviewers reviews ride room run running said sad same say says screen second area seem "
    "seems seen sell sent service set sexy shame shape shirt shoes shop short shot should show side sign "
    "simple since single sister sit skin skirt sleeve small soft sold someone something son soon sore speak "
    "special stand star stars start stay step stick still stop store story straight strange strong stuff "
    "stupid style such suck summer super sure sweater take taken tall taste tell thank thanks thick thin "
    "thing things think thought through throw tight times tip today together told took top total totally "
    "touch tried true trust try trying turn type ugly under until use used using usually video waist wait "
    "walk wall warm wash waste watch water wear wearing week weight went where white whole why wife window "
    "winter without woman women wonderful wore working works world worn worse worst worth write wrong year "
    "years yellow yes yet young yourself zipper "
)
_COMMON: Final = frozenset(_COMMON_TEXT.split())


def weight(word: str) -> float:
    """How often a word is met, where one that is rare weighs nearly nothing. Single letters are parts of others."""
    if word in _EVERYWHERE or len(word) == 1:
        return 100
    return 10 if word in _COMMON else 0.1
