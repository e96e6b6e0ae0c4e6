"""Letters of other scripts that are drawn like Latin ones, after case folding and compatibility decomposition.

A small hand-made subset of Unicode's confusables: what people really use to disguise words.
"""

from typing import Final

_PAIRS: Final = (
    # Cyrillic
    ("асԁеһіјӏкмпорԛѕтυѵԝхувнгҡқԍ", "acdehijlkmnopqstuvwxybhrkkg"),
    # Greek
    ("αβγεζηικμνορστυχωϲϳ", "abyeznikuvopotuxwcj"),
    # Latin beyond accents: strokes, phonetic small capitals, turned letters
    ("ıɑɡøłđħŧƒɩʟɴʀʙɢʜɪᴀᴄᴅᴇꜰᴊᴋᴍᴏᴘꜱᴛᴜᴠᴡʏᴢ", "iagoldhtfilnrbghiacdefjkmopstuvwyz"),
    ("ɐǝɔʇʌʍʎɹɯɥʞ", "aectvwyrmhk"),
)
# Circled and squared capitals on black, which Unicode does not decompose.
_ENCLOSED: Final = {chr(base + offset): chr(97 + offset) for base in (0x1F150, 0x1F170) for offset in range(26)}

CONFUSABLES: Final[dict[str, str]] = {
    char: letter for chars, letters in _PAIRS for char, letter in zip(chars, letters, strict=True)
} | _ENCLOSED
