"""Pictures of products drawn by the project: a flat SVG per product, the same everywhere.

The shelf chooses the motif, the product's code the colours and the pose, its name the seal in the
corner. At most 3 KB, no script, no font, no outside address.
"""

import hashlib
from collections.abc import Sequence
from html import escape
from urllib.parse import quote

# (background, disc, motif, motif in shade, accent)
_PALETTES = (
    ("#f4efe6", "#e6dccb", "#7d8f7a", "#64755f", "#c96f4a"),
    ("#eaf0f2", "#d3e0e5", "#5d7f91", "#486676", "#d99b5f"),
    ("#f6ece8", "#ecd8cf", "#b87a68", "#976052", "#5f7f73"),
    ("#eef1e7", "#dbe2cb", "#8b9a5b", "#707d46", "#b9604c"),
    ("#f1eef5", "#ded7e8", "#7f739b", "#665b80", "#d19a4b"),
    ("#f7f1e1", "#ebdfbf", "#b3924f", "#93763b", "#4f7480"),
    ("#e9f1ee", "#cfe1da", "#55877a", "#426c61", "#c97f6d"),
    ("#f3eded", "#e3d6d6", "#8c6f74", "#71585d", "#7c9070"),
)
_BAG = '<path d="M128 170h144l16 130H112z" fill="{m}"/><path d="M160 190v-30a40 40 0 0 1 80 0v30" fill="none" stroke="{s}" stroke-width="10"/>'  # noqa: E501

# Drawn on 400 × 400 around the middle; {m} motif, {s} its shade, {a} accent, {b} background.
_MOTIFS = {
    "home-bed": '<rect x="96" y="150" width="208" height="70" rx="20" fill="{s}"/><rect x="112" y="168" width="80" height="48" rx="16" fill="{b}"/><rect x="208" y="168" width="80" height="48" rx="16" fill="{b}"/><path d="M84 214h232v72a14 14 0 0 1-14 14H98a14 14 0 0 1-14-14z" fill="{m}"/><path d="M84 238h232" stroke="{a}" stroke-width="10"/>',  # noqa: E501
    "home-bath": '<rect x="116" y="120" width="168" height="12" rx="6" fill="{s}"/><path d="M140 126h120v176H140z" fill="{m}"/><path d="M140 250h120M140 270h120" stroke="{a}" stroke-width="8"/><path d="M200 126h60v120h-60z" fill="{s}" opacity=".35"/>',  # noqa: E501
    "home-store": '<path d="M104 176h192l-18 124H122z" fill="{m}"/><path d="M98 160h204v28H98z" fill="{s}"/><path d="M112 220h176M118 256h164" stroke="{b}" stroke-width="5" stroke-dasharray="14 10" opacity=".7"/><rect x="172" y="166" width="56" height="14" rx="7" fill="{a}"/>',  # noqa: E501
    "home": '<path d="M200 112l104 84v104H96V196z" fill="{m}"/><path d="M174 300v-66h52v66z" fill="{b}"/><path d="M200 112l104 84-12 14-92-74-92 74-12-14z" fill="{s}"/>',  # noqa: E501
    "kitchen-cup": '<path d="M124 156h132v84a60 60 0 0 1-60 60h-12a60 60 0 0 1-60-60z" fill="{m}"/><path d="M256 176h14a34 34 0 0 1 0 68h-16" fill="none" stroke="{s}" stroke-width="14"/><ellipse cx="190" cy="156" rx="66" ry="14" fill="{s}"/><path d="M168 128q-10-14 0-28M196 128q-10-14 0-28" stroke="{a}" stroke-width="6" fill="none" stroke-linecap="round"/>',  # noqa: E501
    "kitchen-pot": '<path d="M110 188h180v66a46 46 0 0 1-46 46h-88a46 46 0 0 1-46-46z" fill="{m}"/><rect x="82" y="198" width="236" height="16" rx="8" fill="{s}"/><path d="M118 184a82 50 0 0 1 164 0z" fill="{s}"/><circle cx="200" cy="128" r="12" fill="{a}"/>',  # noqa: E501
    "kitchen-plate": '<path d="M92 196h216a108 100 0 0 1-72 90v14h-72v-14a108 100 0 0 1-72-90z" fill="{m}"/><ellipse cx="200" cy="196" rx="108" ry="22" fill="{s}"/><ellipse cx="200" cy="196" rx="86" ry="14" fill="{b}"/><path d="M250 108l24 74M272 104l10 76" stroke="{a}" stroke-width="7" stroke-linecap="round"/>',  # noqa: E501
    "kitchen": '<circle cx="186" cy="220" r="84" fill="{m}"/><circle cx="186" cy="220" r="60" fill="{s}"/><path d="M262 172l66-66" stroke="{a}" stroke-width="18" stroke-linecap="round"/>',  # noqa: E501
    "food-tea": '<rect x="138" y="150" width="124" height="150" rx="14" fill="{m}"/><rect x="132" y="128" width="136" height="34" rx="10" fill="{s}"/><path d="M200 272c-40-14-44-58-2-84 36 28 40 66 2 84z" fill="{b}"/><path d="M200 272c-2-30-2-50 0-70" stroke="{a}" stroke-width="5" fill="none"/>',  # noqa: E501
    "food-snack": '<path d="M132 132h136l-8 26 12 116-12 26H140l-12-26 12-116z" fill="{m}"/><path d="M132 132h136l-8 26H140zM128 274h144l-12 26H140z" fill="{s}"/><circle cx="200" cy="216" r="36" fill="{b}"/><circle cx="188" cy="208" r="5" fill="{a}"/><circle cx="212" cy="212" r="5" fill="{a}"/><circle cx="198" cy="230" r="5" fill="{a}"/>',  # noqa: E501
    "food-gift": '<rect x="106" y="180" width="188" height="120" rx="8" fill="{m}"/><rect x="96" y="156" width="208" height="40" rx="8" fill="{s}"/><path d="M188 156h24v144h-24z" fill="{a}"/><path d="M200 156c-54 2-62-50-28-48 20 2 26 24 28 48 2-24 8-46 28-48 34-2 26 50-28 48z" fill="none" stroke="{a}" stroke-width="10"/>',  # noqa: E501
    "food": '<path d="M104 200h192a96 96 0 0 1-192 0z" fill="{m}"/><path d="M120 200a80 62 0 0 1 160 0z" fill="{b}"/><rect x="160" y="290" width="80" height="14" rx="7" fill="{s}"/>',  # noqa: E501
    "wear-top": '<path d="M156 118l-72 44 26 54 28-14v100h124V202l28 14 26-54-72-44a46 34 0 0 1-88 0z" fill="{m}"/><path d="M156 118a46 34 0 0 0 88 0l-12-6a34 22 0 0 1-64 0z" fill="{s}"/><rect x="214" y="196" width="30" height="8" rx="4" fill="{a}"/>',  # noqa: E501
    "wear-sock": '<path d="M158 112h70v104l54 44a26 26 0 0 1-32 42l-78-44a28 28 0 0 1-14-24z" fill="{m}"/><rect x="152" y="106" width="82" height="28" rx="8" fill="{s}"/><path d="M158 150h70M158 168h70" stroke="{a}" stroke-width="7"/>',  # noqa: E501
    "wear-bag": '<path d="M116 182h168l14 106a12 12 0 0 1-12 12H114a12 12 0 0 1-12-12z" fill="{m}"/><path d="M152 196v-36a48 48 0 0 1 96 0v36" fill="none" stroke="{s}" stroke-width="12"/><path d="M116 182h168l4 34H112z" fill="{s}"/><circle cx="200" cy="216" r="10" fill="{a}"/>',  # noqa: E501
    "wear": '<path d="M200 150c0-22 28-16 24-38s-44-18-44 4" fill="none" stroke="{a}" stroke-width="9" stroke-linecap="round"/><path d="M200 150l108 72H92z" fill="none" stroke="{m}" stroke-width="14" stroke-linejoin="round"/><path d="M120 226h160v74H120z" fill="{s}"/>',  # noqa: E501
    "care-skin": '<path d="M150 170h100v106a24 24 0 0 1-24 24h-52a24 24 0 0 1-24-24z" fill="{m}"/><rect x="160" y="118" width="80" height="56" rx="10" fill="{s}"/><circle cx="200" cy="234" r="26" fill="{b}"/><path d="M200 216c14 18 14 32 0 34-14-2-14-16 0-34z" fill="{a}"/>',  # noqa: E501
    "care-hair": '<rect x="144" y="176" width="96" height="126" rx="18" fill="{m}"/><path d="M178 176v-30h28v30z" fill="{s}"/><path d="M170 138h74a12 12 0 0 1 12 12v6h-20v-4h-66z" fill="{s}"/><rect x="144" y="216" width="96" height="48" fill="{b}"/><path d="M160 240q16-16 32 0t32 0" stroke="{a}" stroke-width="6" fill="none"/>',  # noqa: E501
    "care-scent": '<rect x="136" y="196" width="128" height="106" rx="14" fill="{m}"/><rect x="180" y="168" width="40" height="30" fill="{s}"/><path d="M186 172l-18-74M200 172v-80M214 172l18-74" stroke="{a}" stroke-width="5" stroke-linecap="round"/><rect x="156" y="224" width="88" height="48" rx="6" fill="{b}"/>',  # noqa: E501
    "care": '<path d="M200 104c56 70 72 96 72 130a72 70 0 0 1-144 0c0-34 16-60 72-130z" fill="{m}"/><path d="M156 232a44 44 0 0 0 40 46" stroke="{b}" stroke-width="9" fill="none" stroke-linecap="round"/>',  # noqa: E501
}


def picture_url(code: str) -> str:
    """Where the drawn picture of the product ``code`` is: a path of ours."""
    return f"/media/products/{quote(code, safe='')}.svg"


def product_svg(*, code: str, name: str, shelves: Sequence[str]) -> str:
    """The picture of a product. ``shelves`` are codes of its category and those above it, the
    nearest first; a shelf without a motif of its own gets a shopping bag."""
    dice = hashlib.sha256(code.encode()).digest()
    background, disc, motif, shade, accent = _PALETTES[dice[0] % len(_PALETTES)]
    drawn = next((_MOTIFS[shelf] for shelf in shelves if shelf in _MOTIFS), _BAG)
    colours = {"m": motif, "s": shade, "a": accent, "b": background}
    mirrored = "translate(400 0) scale(-1 1)" if dice[1] & 1 else ""
    lean = dice[2] % 9 - 4
    middle = (120 + dice[3] % 160, 120 + dice[4] % 130, 116 + dice[5] % 40)
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 400 400" role="img">'
        f"<title>{escape(name)}</title>"
        f'<rect width="400" height="400" fill="{background}"/>'
        f'<circle cx="{middle[0]}" cy="{middle[1]}" r="{middle[2]}" fill="{disc}"/>'
        f"{_pattern(dice[6], accent)}"
        f'<ellipse cx="200" cy="312" rx="{104 + dice[7] % 24}" ry="11" fill="{shade}"'
        ' opacity=".22"/>'
        f'<g transform="{mirrored}"><g transform="rotate({lean} 200 300)">'
        f"{drawn.format_map(colours)}</g></g>"
        f"{_seal(name, accent)}</svg>"
    )


def _pattern(die: int, colour: str) -> str:
    """A few dots, a horizon or nothing, so that neighbours on a shelf differ."""
    if die % 3 == 0:
        dots = "".join(
            f'<circle cx="{48 + 26 * column}" cy="{44 + 26 * row}" r="4"/>'
            for row in range(3)
            for column in range(3)
        )
        return f'<g fill="{colour}" opacity=".35">{dots}</g>'
    if die % 3 == 1:
        return f'<path d="M0 306h400v94H0z" fill="{colour}" opacity=".12"/>'
    return ""


def _seal(name: str, colour: str) -> str:
    """The first two characters of the name, one above the other as on a seal."""
    letters = [c for c in name if c.isalnum()][:2]
    if not letters:
        return ""
    height = 24 + 32 * len(letters)
    texts = "".join(
        f'<text x="354" y="{362 - 32 * (len(letters) - 1 - n)}">{escape(letter)}</text>'
        for n, letter in enumerate(letters)
    )
    return (
        f'<rect x="330" y="{382 - height}" width="48" height="{height}" rx="7" fill="{colour}"/>'
        '<g fill="#fff" font-size="27" text-anchor="middle" font-family="serif">'
        f"{texts}</g>"
    )
