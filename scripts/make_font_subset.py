#!/usr/bin/env python3
"""Makes the embedded fonts of figures: a subset of BIZ UDPGothic, and a few symbols that it lacks.

    pip install fonttools
    python scripts/make_font_subset.py [--source FOLDER] [--output FOLDER]

The source is the Debian package fonts-morisawa-bizud-gothic (SIL Open Font License 1.1, no reserved font name) of
version 1.051 or later, which Debian has since 13 (trixie). Version 1.05 of Debian 12 is refused, because its regular
weight has ≤ and ≥ swapped. The npm package @expo-google-fonts/biz-udpgothic has the same outlines. The result gets
another name, because it has added symbols and narrower Greek and Cyrillic letters. Hinting and layout features are
dropped, because figures use unhinted outlines. The em is scaled from 2048 to 1000 units, because three-digit
coordinates make both the fonts and the SVG smaller. The same source gives the same bytes.
"""

import argparse
import gzip
import json
from pathlib import Path

from fontTools.pens.ttGlyphPen import TTGlyphPen
from fontTools.subset import Options, Subsetter
from fontTools.ttLib import TTFont
from fontTools.ttLib.scaleUpem import scale_upem

ROOT = Path(__file__).resolve().parent.parent
EM = 1000
# The vertical range of the drawn symbols, in font units above the baseline.
ASCENT, DESCENT = 880, -120


def jis_x_0208(rows):
    """Returns the characters of these rows of JIS X 0208, using the EUC-JP codec."""
    found = set()
    for row in rows:
        for cell in range(1, 95):
            try:
                found.update(bytes([0xA0 + row, 0xA0 + cell]).decode("euc_jp"))
            except UnicodeDecodeError:
                pass
    return found


def windows_31j():
    """Returns the characters that Japanese Windows adds to JIS X 0208, such as 髙 and ㎏."""
    found = set()
    for lead in [0x87, 0xED, 0xEE, 0xFA, 0xFB, 0xFC]:
        for trail in range(0x40, 0xFD):
            try:
                found.update(bytes([lead, trail]).decode("cp932"))
            except UnicodeDecodeError:
                pass
    return found


def block(first, last):
    return {chr(code) for code in range(first, last + 1)}


def common():
    """Returns the characters of both weights: small scripts, punctuation, and symbols."""
    return (
        jis_x_0208(range(1, 9))
        | block(0x20, 0x7E)
        | block(0xA0, 0x17F)  # Latin-1, Latin Extended-A
        | block(0x370, 0x3FF)  # Greek
        | block(0x400, 0x45F)  # Cyrillic
        | block(0x2010, 0x203F)  # general punctuation
        | block(0x2070, 0x209C)  # superscripts, subscripts
        | block(0x20A0, 0x20BF)  # currencies
        | block(0x2100, 0x22FF)  # letter-like, number forms, arrows, mathematics
        | block(0x2460, 0x24FF)  # circled numbers and letters
        | block(0x2500, 0x266F)  # boxes, blocks, shapes, symbols
        | block(0x3000, 0x30FF)  # CJK punctuation, kana
        | block(0x31F0, 0x33FF)  # small katakana, circled and squared kana and units
        | block(0xFF00, 0xFFEF)  # half- and full-width forms
    )


def model_characters():
    """Returns every character of the embedded model's vocabulary."""
    tokenizer = json.loads((ROOT / "assets/soseki-mini/tokenizer.json").read_text(encoding="utf-8"))
    return {char for token in tokenizer["model"]["vocab"] for char in token if ord(char) >= 0x20}


def rect(pen, left, bottom, right, top):
    """Draws a filled rectangle, clockwise as TrueType requires."""
    pen.moveTo((left, bottom))
    pen.lineTo((left, top))
    pen.lineTo((right, top))
    pen.lineTo((right, bottom))
    pen.closePath()


def hole(pen, left, bottom, right, top):
    """Cuts a rectangle out of a filled shape."""
    pen.moveTo((left, bottom))
    pen.lineTo((right, bottom))
    pen.lineTo((right, top))
    pen.lineTo((left, top))
    pen.closePath()


def triangle(pen, *points):
    pen.moveTo(points[0])
    pen.lineTo(points[1])
    pen.lineTo(points[2])
    pen.closePath()


def shelf(width, stroke):
    """Draws an open box on the baseline, the symbol for a space."""

    def draw(pen):
        left, right, bottom, top = 60, width - 60, -70, 150
        rect(pen, left, bottom, left + stroke, top)
        rect(pen, right - stroke, bottom, right, top)
        rect(pen, left + stroke, bottom, right - stroke, bottom + stroke)

    return draw, width


def line_break(stroke):
    def draw(pen):
        middle, right = 240, 700
        rect(pen, 260, middle - stroke // 2, right, middle + stroke // 2)
        rect(pen, right - stroke, middle + stroke // 2, right, 660)
        triangle(pen, (70, middle), (300, middle + 170), (300, middle - 170))

    return draw, 780


def tabulator(stroke):
    def draw(pen):
        middle = 340
        rect(pen, 70, middle - stroke // 2, 560, middle + stroke // 2)
        triangle(pen, (520, middle + 170), (750, middle), (520, middle - 170))
        rect(pen, 770, middle - 220, 770 + stroke, middle + 220)

    return draw, 900


def solid(bottom, top):
    return (lambda pen: rect(pen, 0, bottom, EM, top)), EM


def shade(spacing):
    """Draws square dots on a grid. Denser dots are darker."""

    def draw(pen):
        for row, y in enumerate(range(DESCENT, ASCENT, spacing)):
            for x in range(row % 2 * spacing // 2, EM - spacing // 2 + 1, spacing):
                rect(pen, x, y, x + spacing // 2, y + spacing // 2)

    return draw, EM


def replacement(stroke):
    """Draws a lozenge with a question mark cut out, for U+FFFD."""

    def draw(pen):
        pen.moveTo((500, -120))
        pen.lineTo((10, 380))
        pen.lineTo((500, 880))
        pen.lineTo((990, 380))
        pen.closePath()
        half = stroke // 2
        hole(pen, 380, 620 - half, 620, 620 + half)
        hole(pen, 620 - stroke, 420, 620, 620 - half)
        hole(pen, 500 - half, 420 - stroke, 620, 420)
        hole(pen, 500 - half, 240, 500 + half, 420 - stroke)
        hole(pen, 500 - half, 90, 500 + half, 90 + stroke)

    return draw, EM


def signs(bold):
    """Returns the symbols that the source lacks, by character: outline and advance."""
    stroke = 100 if bold else 66
    table = {
        "␣": shelf(560, stroke),
        "⎵": shelf(1000, stroke),
        "↵": line_break(stroke),
        "⇥": tabulator(stroke),
        "�": replacement(stroke + 14),
        "█": solid(DESCENT, ASCENT),
        "░": shade(250),
        "▒": shade(167),
        "▓": shade(125),
    }
    # Blocks of one to seven eighths from below. ▁ also marks the start of a word.
    for eighth in range(1, 8):
        table[chr(0x2580 + eighth)] = solid(DESCENT, DESCENT + EM * eighth // 8)
    return table


def add_signs(font, bold):
    cmap = font.getBestCmap()
    order = font.getGlyphOrder()
    for char, (draw, advance) in sorted(signs(bold).items()):
        # ␣ is drawn even if the source has it, so that ␣ and ⎵ differ only in width.
        if ord(char) in cmap and char != "␣":
            continue
        name = f"sign{ord(char):04X}"
        pen = TTGlyphPen(None)
        draw(pen)
        glyph = pen.glyph()
        order = [*order, name]
        font.setGlyphOrder(order)
        font["glyf"][name] = glyph
        glyph.recalcBounds(font["glyf"])
        font["hmtx"][name] = (advance, glyph.xMin)
        for table in font["cmap"].tables:
            if table.isUnicode():
                table.cmap[ord(char)] = name


def close_up(font):
    """Gives Greek and Cyrillic letters proportional widths. The source makes them as wide as kanji."""
    side = 70
    cmap = font.getBestCmap()
    for name in {cmap[code] for code in range(0x370, 0x460) if code in cmap}:
        glyph = font["glyf"][name]
        if font["hmtx"][name][0] != EM or glyph.numberOfContours <= 0:
            continue
        glyph.coordinates.translate((side - glyph.xMin, 0))
        glyph.recalcBounds(font["glyf"])
        font["hmtx"][name] = (glyph.xMax + side, side)


def rename(font, weight):
    family = "Sukashi Gothic"
    names = {1: family, 2: weight, 3: f"{family} {weight}", 4: f"{family} {weight}", 6: f"SukashiGothic-{weight}"}
    table = font["name"]
    table.names = [n for n in table.names if n.nameID in (0, 13, 14) and n.platformID == 3 and n.langID == 0x409]
    for name_id, text in names.items():
        table.setName(text, name_id, 3, 1, 0x409)
    table.setName("Version 1.0; a subset of BIZ UDPGothic 1.051 with added signs", 5, 3, 1, 0x409)


def make(source, output, weight, chars):
    path = source / f"BIZUDPGothic-{weight}.ttf"
    font = TTFont(path, recalcTimestamp=False)
    if font["head"].fontRevision < 1.0505:
        raise SystemExit(f"{path} is of version {font['head'].fontRevision:.3f}, which has ≤ and ≥ swapped; expected 1.051")
    options = Options()
    options.hinting = False
    options.layout_features = []
    options.glyph_names = False
    options.notdef_outline = True
    options.name_IDs = ["*"]
    options.drop_tables += ["GSUB", "GPOS", "GDEF", "vhea", "vmtx", "DSIG", "meta", "gasp"]
    subsetter = Subsetter(options)
    subsetter.populate(unicodes=[ord(char) for char in chars])
    subsetter.subset(font)
    scale_upem(font, EM)
    close_up(font)
    add_signs(font, bold=weight == "Bold")
    rename(font, weight)
    path = output / f"SukashiGothic-{weight}.ttf"
    font.save(path)
    held = font.getBestCmap()
    packed = len(gzip.compress(path.read_bytes(), 9))
    print(f"{path.name}: {len(held)} characters, {path.stat().st_size} bytes, {packed} compressed")
    return held


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--source", type=Path, default=Path("/usr/share/fonts/truetype/bizud-gothic"))
    parser.add_argument("--output", type=Path, default=ROOT / "crates/sukashi-figure/assets/fonts")
    arguments = parser.parse_args()
    model = model_characters()
    level_1, level_2 = jis_x_0208(range(16, 48)), jis_x_0208(range(48, 85))
    held = make(arguments.source, arguments.output, "Regular", common() | level_1 | level_2 | windows_31j() | model)
    # Only titles and the chosen token are bold. Characters that this weight lacks are drawn from Regular.
    make(arguments.source, arguments.output, "Bold", common() | level_1 | model)
    missing = sorted(char for char in model | level_1 | level_2 if ord(char) not in held)
    if missing:
        raise SystemExit(f"the regular weight lacks {''.join(missing)}")


if __name__ == "__main__":
    main()
