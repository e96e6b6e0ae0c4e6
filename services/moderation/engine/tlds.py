"""Where a host name ends: which words are top-level domains, and which of them are words of a sentence as well."""

from functools import cache
from importlib.resources import files
from typing import Final


def word_set(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Endings that hardly ever begin a sentence or name a unit: "a.com" is a domain wherever it stands.
SURE: Final = word_set(
    "com net org edu gov mil biz xyz io eu co tv fm ly gg ae af ag ai al ao ar au aw ax az ba bd bf bg bh bn "
    "br bt bw ca cd ch ci ck cl cn cr cu cv cy cz de dk dz ec ee eg er et fj fk fo fr ga gd ge gh gi gl gm gn "
    "gp gq gr gu gw gy hk hn hu ie il iq ir jm jo jp ke kh ki kn kr kw ky kz lb lk lu lv mc mo mp mq mx mz nc "
    "ne nf ng ni nl np nr nu nz pe pf ph pk pl pr pt pw py qa ro ru rw sb sg sk sl sn sv sx sy sz td tg th tj "
    "tk tl tm tn tr tt tw tz ua ug uk uy uz va ve vn vu wf ye za zm zw su asia mobi"
) - word_set("al ne py tm wf ai pe ag ar au ba er et ga gt ki kn km lb lt mp mm ni nu re rs sv tl va zip")
# Words before which or with which nobody leaves a blank out on purpose: only a path makes a domain of them.
FUNCTION_WORDS: Final = word_set(
    "it is in to so my me at be am no us as do la de es se si ma pa al id il on an he by or if go up we you "
    "now all just not and but for can will how new day one best nice cool love like good fit buy"
) - frozenset(("de",))
# Labels that end a sentence far oftener than they name a site.
ORDINARY: Final = word_set(
    "a able about after again all also always am amazing an and any are around as at away awesome back bad be "
    "beautiful because been before best better big bit black blue bought bra but buy by can cant color colors "
    "comfortable cool cute day did do does done down dress easy else end even ever every fabric far fast fit "
    "fits fine for from full fun game games get go going good got great had happy has have he her here him "
    "his home hot how i if in is it its itself jeans just know large less like little long look looks lot "
    "love loved made make many me medium more most much my myself need never new nice no not now of off ok "
    "okay old on one only or order ordered other our out over perfect perfectly phone please pretty price "
    "product purchase quality read really red right same say see she short shirt size sizes skirt small so "
    "some soft soon still stuff such super sure sweater take than thanks that the their them then there these "
    "they thing things think this those time to today too top tops try two under up us use used very want was "
    "way we wear week weeks well were what when where which while white who why will with work works worn "
    "would year years yes yet you your update fix apps app day days bien bueno malo todo gut schlecht alles "
    "bon tout tres bello bene tutto bom tudo"
)


@cache
def top_level_domains() -> frozenset[str]:
    text = files("services.moderation.engine").joinpath("tlds.txt").read_text(encoding="utf-8")
    return frozenset(word for line in text.splitlines() if not line.startswith("#") for word in line.split())


def host_end(host: str) -> int:
    """How much of `host` is a host name that the domain name system could know; 0 if nothing is.

    "example.com.Please" is two sentences, and so is "gmail.com.it was".
    """
    labels = host.split(".")
    while len(labels) > 1:
        if _ends(labels):
            return len(".".join(labels))
        labels.pop()
    return 0


def _ends(labels: list[str]) -> bool:
    last, before = labels[-1], labels[-2]
    lower = last.lower()
    if lower not in top_level_domains():
        return False
    if before.lower() in ("com", "net", "org") and len(labels) > 2 and lower in FUNCTION_WORDS - {"my", "do", "de"}:
        return False
    # "service.My" begins a sentence, "Amazon.Com" is a name.
    return (
        last.islower() or not last.isascii() or lower in ("com", "net", "org") or (last.isupper() and before.isupper())
    )
