/** Widths of the printable ASCII characters in Helvetica, in thousandths of the font size (from " " to "~"). */
const widths = [
  278, 278, 355, 556, 556, 889, 667, 191, 333, 333, 389, 584, 278, 333, 278, 278, 556, 556, 556, 556, 556,
  556, 556, 556, 556, 556, 278, 278, 584, 584, 584, 556, 1015, 667, 667, 722, 722, 667, 611, 778, 722, 278,
  500, 667, 556, 833, 722, 778, 667, 778, 722, 667, 611, 722, 667, 944, 667, 667, 611, 278, 278, 278, 469,
  556, 333, 556, 556, 500, 556, 556, 278, 556, 556, 222, 222, 500, 222, 833, 556, 556, 556, 556, 333, 500,
  278, 556, 500, 722, 500, 500, 500, 334, 260, 334, 584,
];

/** Where neither Helvetica nor Arial is found, another font runs wider: DejaVu Sans by 15 %. */
const reserve = 1.16;

/** Width of a line in pixels, about: no font is loaded. Characters outside of ASCII count as wide as a digit or two. */
export function lineWidth(text: string, fontSize: number): number {
  let total = 0;
  for (const character of text) {
    const code = character.codePointAt(0)!;
    total += widths[code - 32] ?? (code < 0x1100 || (code > 0x2000 && code < 0x2e80) ? 600 : 1050);
  }
  return (total / 1000) * fontSize * reserve;
}
