"""Strong praise and strong reproach in English, for the contradiction detector."""

import re
from typing import Final

from services.moderation.engine.patterns import lazy

_THING: Final = (
    "product|item|quality|service|app|game|customer service|experience|purchase|buy|company|seller|design|material|"
    "thing|phone|device|book|movie|film|hotel|place|food|fit|sound|battery|support|choice"
)
_BAD: Final = (
    "terrible|horrible|awful|dreadful|horrendous|atrocious|appalling|abysmal|pathetic|disgusting|garbage|trash|rubbish|"
    "useless|worthless|crap|junk"
)
_GOOD: Final = (
    "excellent|perfect|amazing|awesome|fantastic|wonderful|incredible|outstanding|superb|brilliant|phenomenal|fabulous|"
    "terrific"
)
# Said of the thing itself, and not of what it is good against.
_IS: Final = (
    r"(?:\A|[.!?\n]\s*|(?<![\w'])(?:is|was|are|were|its|it's|this|so|very|absolutely|just|totally|really|completely|"
    r"simply|truly|pretty|utterly|complete|total|an|a|of)\s+)"
)
_NO: Final = r"(?:do not|don'?t|dont|never)"
_NOT: Final = r"(?:does not|doesn'?t|doesnt|did not|didn'?t|never|don'?t)"
_VERY: Final = r"(?:very|so|extremely|really|totally|completely|beyond|deeply)"
_STOP: Final = r"(?:\s*[.!\n]|\s*\Z)"


def _phrases(*weighed: tuple[int, str]) -> tuple[tuple[int, re.Pattern[str]], ...]:
    return tuple((weight, lazy(rf"(?<!\w)(?:{pattern})")) for weight, pattern in weighed)


REPROACH: Final = (
    (
        3,
        lazy(
            rf"{_IS}(?:{_BAD})(?!\w|\s+(?:pain|weather|day|allerg|skin|sleep|memory|box|packag|manual|instruction|deliver|shipping|courier|cover))"
        ),
    ),
    *_phrases(
        (3, rf"(?:{_BAD})\s+(?:{_THING})(?!\w)"),
        (4, rf"worst\s+(?:\w+\s+){{0,2}}(?:{_THING}|ever)(?!\w)"),
        (4, r"(?:total|complete|huge|big|absolute|such a|what a|a)\s+waste\s+of\s+(?:\w+\s+)?(?:money|time)(?!\w)"),
        (3, r"waste\s+of\s+(?:\w+\s+)?money(?!\w)"),
        (3, rf"{_NO}\s+(?:ever\s+)?(?:buy|waste your|purchase|order|download|bother)(?!\w)"),
        (3, r"piece\s+of\s+(?:junk|crap|garbage|trash|shit)(?!\w)"),
        (3, rf"{_NOT}\s+(?:even\s+)?(?:work|worked|function)(?:\s+at all|{_STOP})"),
        (2, r"stopped\s+(?:working|charging)|fell apart|falling apart"),
        (2, r"broke\s+(?:after|within|in\s|the first|on the first)"),
        (2, r"(?:want|demand|wanted|give me|get)\s+(?:my|a)\s+(?:money\s+back|refund)(?!\w)"),
        (3, rf"{_VERY}\s+(?:disappointed|dissatisfied|unhappy)(?:\s+(?:with|in|by)(?!\w)|{_STOP})"),
        (3, r"(?:rip\s?-?off|scam|scammers|save your money|stay away|avoid at all costs?)(?!\w)"),
        (3, r"(?:i\s+(?:really\s+|absolutely\s+|just\s+)?)?(?:hate|hated|regret)\s+(?:it|this|buying|these)(?!\w)"),
        (2, r"(?:defective|cheaply made|poorly made|poor quality|bad quality)(?!\w)"),
        (2, r"(?:broken on arrival|arrived broken|came broken|never again|zero stars|no stars)(?!\w)"),
    ),
)
"""Phrases for text in lower case, with their weights."""

_REFUSED: Final = ("buy", "waste", "bother", "order", "purchase", "download", "ever", "work", "even work", "function")
_DEGREES: Final = ("very", "so", "extremely", "really", "totally", "completely", "beyond", "deeply")
REPROACH_HINTS: Final = tuple(
    f" {word}"
    for word in (
        *_BAD.split("|"),
        *(f"{no} {verb}" for no in ("don t", "dont", "do not", "never") for verb in _REFUSED),
        *(f"{no} {verb}" for no in ("doesn t", "doesnt", "does not", "didn t", "did not") for verb in _REFUSED[-3:]),
        *(f"{degree} disappointed" for degree in _DEGREES),
        *(f"{hate} {what}" for hate in ("hate", "hated", "regret") for what in ("it", "this", "these", "buying")),
        *("worst", "a waste", "waste of", "stopped working", "stopped charging", "broke after", "broke within"),
        *("fell apart", "falling apart", "broke in", "broke the first", "broke on the first", "money back", "refund"),
        *("dissatisfied", "unhappy", "rip off", "ripoff", "scam", "save your money", "stay away", "avoid at all"),
        *("piece of", "defective", "cheaply made", "poor quality", "poorly made", "bad quality", "broken on"),
        *("arrived broken", "came broken", "never again", "zero stars", "no stars"),
    )
)
"""In letters as a Passage has them: where none of these stands, there is no reproach."""

PRAISE: Final = (
    (3, lazy(rf"{_IS}(?:{_GOOD})(?!\w|\s+(?:way|waste|job|idea|if|how))")),
    *_phrases(
        (3, rf"(?:{_GOOD})\s+(?:{_THING}|dress|shirt|top|condition|gift)(?!\w)"),
        (
            3,
            r"(?:i|we|my \w+)\s+(?:really\s+|absolutely\s+|just\s+)?(?:love|loves|adore)\s+(?:it|this|these)(?!\w)",
        ),
        (3, r"(?:really|absolutely|totally)\s+love\s+(?:it|this|these|my|them)(?!\w)"),
        (3, r"best\s+(?:\w+\s+){0,3}(?:ever|purchase|in the world|on the market|i have|i've|i own)(?!\w)"),
        (3, r"(?:highly|definitely|strongly|totally)\s+recommend(?:ed)?(?!\w)"),
        (3, r"(?:very|so|extremely|really|super|completely)\s+(?:happy|pleased|satisfied)(?!\w)"),
        (3, r"(?:works|fits)\s+(?:great|perfectly|perfect|like a charm|beautifully|amazingly|flawlessly)(?!\w)"),
        (3, r"(?:five|5)\s+stars?(?!\w)"),
        (2, r"(?:great|very good|really good|beautiful|gorgeous)(?!\w)"),
    ),
    (3, lazy(r"(?:\A|[.!]\s*)love\s+(?:it|this|these|them|my|everything)(?!\w)")),
)
"""Phrases for text in lower case, with their weights."""

KIND: Final = lazy(
    r"(?<!\w)(?:lov(?:e|es|ed|ely)|great|perfect(?:ly)?|excellent|awesome|amazing|good|nice(?:ly)?|best|happy|"
    r"recommend\w*|beautiful\w*|comfortable|comfy|cute|fun|enjoy\w*|easy|pleased|favou?rite|glad|gorgeous|soft|"
    r"flattering|worth|like|likes|liked|works (?:well|fine)|helpful|thank\w*|fantastic|wonderful|adore\w*|stunning|"
    r"better|impressed|satisfied|compliments|pretty|cool|helps?|saved|fits|five stars|5 stars|wow|yum\w*|delicious)"
    r"(?!\w)"
)
"""A kind word: nobody says it where there is nothing but reproach."""

ELSEWHERE: Final = lazy(
    r"(?<!\w)(?:others?|else|another|old|previous|villains?|tragedy|tragic|loss|rip|war|crimes?|horror|scary|thriller|"
    r"evil|until|unless|without|memory|memories)(?!\w)"
)
"""A word that says that the reproach is meant for something else."""

TURN: Final = lazy(
    r"(?<!\w)(?:but|however|although|though|unless|until|except|unfortunately|sadly|wish|wanted|if|would|could|should|"
    r"others?|another|old|previous|last|compared|unlike|instead|before|first|not|no|never|"
    r"\w+n't|dont|cant|wont|didnt|doesnt|without|hardly|too|than|"
    r"elsewhere|people who|reviews?|reviewers?|thought|expected|supposed|disappoint\w*|problems?|issues?|ugly|cheap|"
    r"cheaply|poor|bad|worse|worst|return\w*|refund|hate|fake|broke|broken|yeah right|after|only|months?|weeks?|now|"
    r"then|were|was|used|had)(?!\w)"
)
"""A word that turns praise round, or tells of something else."""
