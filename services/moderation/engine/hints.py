"""The words and letters that make a text worth a look for spam, reproach, noise and drawn-out letters; see `glance`."""

from typing import Final

from services.moderation.engine.sentiment import REPROACH_HINTS
from services.moderation.engine.spam_rules import spam_rules

# Bits from 2^16 on, so that they can be kept together with the cues of `gates`. Plain numbers: an IntFlag takes
# microseconds for each "and".
REPROACH_HINT: Final = 1 << 16
NOISE_HINT: Final = 1 << 17
DRAWN_OUT_HINT: Final = 1 << 18
SPAM_HINT: Final = 1 << 19
"""The first rule of `spam_rules()`; one bit further for each further rule."""

LETTERS_IN_A_ROW: Final = 12
"""Letters in a row that are worth a look."""

# Neighbours on a keyboard, and pairs of consonants that hardly a word of a European language has.
WALKS: Final = (
    "asdf qwer uiop rewq poiu zxcv vcxz mnbv asd sdf dfg fgh ghj hjk jkl lkj kjh jhg hgf gfd fds dsa xcv cvb vbn bnm "
    "jkjk hjhj dfdf fgfg ghgh sdsd"
)
PAIRS: Final = (
    "cj cx dx fk fq fx fz gq gx hx jb jc jd jf jg jh jk jl jm jp jq jt jv jw jx jz kx pq pz qb qc qd qf qg qh qj qk "
    "ql qm qn qp qr qt qv qw qx qy qz sx vb vf vh vj vm vp vq vw vx wq wx xj xk xz zf zg zj zq zx"
)


def _hints() -> dict[bytes, int]:
    hints: dict[bytes, int] = {
        letter.encode() * LETTERS_IN_A_ROW: DRAWN_OUT_HINT for letter in "abcdefghijklmnopqrstuvwxyz"
    }
    hints |= {pattern.encode(): NOISE_HINT for pattern in f"{WALKS} {PAIRS}".split()}
    hints |= {hint.encode(): REPROACH_HINT for hint in REPROACH_HINTS}
    for place, rule in enumerate(spam_rules()):
        for hint in rule.hints:
            key = hint.encode()
            hints[key] = hints.get(key, 0) | SPAM_HINT << place
    return hints


HINTS: Final = _hints()
"""Byte strings of `Passage.letters`, with what each of them makes worth looking for."""
