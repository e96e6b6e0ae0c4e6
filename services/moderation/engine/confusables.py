"""Characters that are drawn like a Latin letter, by that letter.

Hand-made after Unicode's list of confusables: what people really use to disguise words, and what font generators
produce. What Unicode itself decomposes (full-width, mathematical, circled, parenthesised and accented letters) and
what case folding maps needs no entry, so all but the capitals without a lower case are in lower case.
"""

from typing import Final

_LOOKALIKES: Final = {
    # Latin with strokes, hooks or turned; small capitals · Greek · Cyrillic · Armenian · Cherokee · other
    "a": "ɑɐɒⱥᴀæ" "αλ" "аәӕѧ" "ձ" "Ꭺꭺꮜᗅꓮ",
    "b": "ƀƃɓʙᴃƅ" "β" "ьбвъҍ" "ᏴᏏꮟꓐ",
    "c": "ƈɕȼᴄɔↄ" "ϛ" "сҫҁ" "ᏟᏨꮯꓚ",
    "d": "đɖɗᴅðƌȡ" "δ" "ԁԃђ" "ժ" "ᎠᏧꭰꮷꓓ",
    "e": "əɛǝɘɜɞⱸɇᴇꬲ" "ε" "еєэҽҿ" "ҽ" "Ꭼꭼꓰ",
    "f": "ƒꜰꞙẝ" "ϝ" "ғ" "ֆ" "ꓝ",
    "g": "ɡɠɢǥᶃʛƍ" "ց" "ԍ" "ᏀᏩꮐꓖ",
    "h": "ħɦɥʜⱨꜧ" "нһҥңӊћ" "հի" "ᎻᏂꮋꮒꓧ",
    "i": "ıɩɪɨɟɿ" "ι" "і" "ᎥꭵꙇꓲⲒ",
    "j": "ȷɉᴊʝ" "ϳ" "јյ" "Ꭻꭻꓙ",
    "k": "ƙᴋʞⱪĸ" "κ" "кқҝҟҡӄ" "ᏦꮶꓗⲔ",
    "l": "łɫɬɭʟƚ" "ӏ" "լ" "Ꮮꮮꓡ│",
    "m": "ɱᴍ" "μ" "мӎ" "Ꮇꮇꓟ",
    "n": "ɲɳɴŋƞ" "ηπ" "ппԥӆи" "ոռ" "ꓠ",
    "o": "øɵᴏœ" "οθσ" "оөѳо" "օ" "ꓳⲞ",
    "p": "ƥᴘþᵽ" "ρ" "рҏ" "թ" "Ꮲꮲꓑ",
    "q": "ʠɋꝗ" "ϙ" "ԛ" "գզ",
    "r": "ɍɾɹɻɼʀʁᴦ" "г" "ᎡᏒꭱꮢꓣ",
    "s": "ʂꜱʃƽ" "ѕ" "տ" "ᏕᏚꮪꓢ",
    "t": "ŧƭʈᴛʇƫ" "τ" "тҭ" "է" "ᎢꭲꓔⲦ",
    "u": "ʉʊʋᴜ" "υ" "цџ" "ս" "ᑌꓴ",
    "v": "ʌᴠɤ" "ν" "ѵ" "ᏙᏉꮩꓦ",
    "w": "ʍɯᴡⱳ" "ω" "шщѡԝ" "ա" "ᎳᏔꮃꮤꓪ",
    "x": "ᶍ" "χ" "хҳӽ" "ꓫⲬ",
    "y": "ʏɣʎƴɏ" "γ" "уүұ" "ყ" "ᎩꮍᎽꓬⲨ",
    "z": "ƶȥʐʑʒᴢⱬ" "ζ" "зӡʒ" "Ꮓꮓꓜ",
}  # fmt: skip

# Capitals in circles and squares, on white and on black, and the letters of flags, which Unicode does not decompose.
_ENCLOSED: Final = (0x1F130, 0x1F150, 0x1F170, 0x1F1E6, 0xE0061)
_EMOJI: Final = {
    "🆎": "ab", "🆑": "cl", "🆒": "cool", "🆓": "free", "🆔": "id", "🆕": "new", "🆖": "ng",
    "🆗": "ok", "🆘": "sos", "🆙": "up", "🆚": "vs",
}  # fmt: skip

CONFUSABLES: Final[dict[str, str]] = (
    {char: letter for letter, chars in _LOOKALIKES.items() for char in chars}
    | {chr(first + offset): chr(97 + offset) for first in _ENCLOSED for offset in range(26)}
    | _EMOJI
)
