import { ConfigError } from "../base/errors.js";
import { foldIn, hashString, permutedIndex } from "../base/prng.js";
import { glyphs, type Point } from "./glyphs.js";
import type { ImageDataset, LabelledImages } from "./imageDataset.js";
import { Pen } from "./pen.js";
import { labelledImages } from "./wrap.js";

export interface DigitsOptions {
  /** Number of training images; 6,000 unless told. */
  train?: number;
  /** Number of test images; 1,000 unless told. */
  test?: number;
  /** Key of all randomness; 0 unless told. */
  seed?: number;
}

const size = 28;
const pixelCount = size * size;

/** How much the writing varies. Chosen so that a linear classifier stays well below a small network. */
const style = {
  /** Standard deviation of each control point, in parts of the digit's box. */
  jitter: 0.028,
  /** Height and width of the box in pixels. */
  height: [15.5, 20.5],
  width: [10, 16.5],
  /** Mean and deviation of the slant (shear) to the right, of the rotation in radians, of the place in pixels. */
  slant: [0.12, 0.2],
  rotation: 0.11,
  shift: 1.1,
  /** Amplitude of a slow wave that bends the whole digit, in parts of the box. */
  bend: 0.035,
  /** Half the pen's width in pixels, and how much it changes along a stroke. */
  radius: [0.65, 1.6],
  pressure: 0.22,
  /** Weight of each neighbour in the blur. */
  blur: [0.06, 0.2],
  /** Darkness of the ink and deviation of the noise, of 255. */
  ink: [190, 255],
  noise: [2, 14],
} as const;

/**
 * Digits 28 × 28 that look handwritten, generated: pen strokes in several styles per digit, with jitter of the
 * strokes, slant, rotation, scale, place, pen width, blur and noise. For where no real data can be had.
 *
 * `images` `[n, 28, 28]` float32 from 0 to 1, ink bright on black as in MNIST; `labels` `[n]` uint8, each ten in a
 * row holding every digit once. The same seed gives the same images; a shorter set is the start of a longer one. 10,000 images
 * take less than a second.
 *
 * @throws {ConfigError} where a count is no integer ≥ 1 or the seed no integer
 * @example const { train, test, classNames } = digits({ train: 2000, test: 500, seed: 1 });
 */
export function digits(options: DigitsOptions = {}): ImageDataset {
  const { train = 6000, test = 1000, seed = 0 } = options;
  for (const [name, count] of Object.entries({ train, test })) {
    if (!Number.isInteger(count) || count < 1) {
      throw new ConfigError({
        who: "digits",
        expected: `${name} to be an integer ≥ 1`,
        received: String(count),
      });
    }
  }
  if (!Number.isSafeInteger(seed)) {
    throw new ConfigError({ who: "digits", expected: "seed to be an integer", received: String(seed) });
  }
  const key = foldIn(seed | 0, Math.floor(seed / 2 ** 32));
  return {
    train: write(foldIn(key, hashString("train")), train),
    test: write(foldIn(key, hashString("test")), test),
    classNames: glyphs.map((_, digit) => String(digit)),
    source: { kind: "generated", location: `digits, seed ${seed}` },
  };
}

function write(key: number, count: number): LabelledImages {
  const images = new Uint8Array(count * pixelCount);
  const labels = new Uint8Array(count);
  const pen = new Pen(size);
  const classes = glyphs.length;
  for (let i = 0; i < count; i++) {
    const block = foldIn(key, Math.floor(i / classes));
    const label = permutedIndex(block, i % classes, classes);
    labels[i] = label;
    const random = new ImageRandom(foldIn(block, i % classes));
    drawDigit(pen, label, random);
    develop(pen, random, images.subarray(i * pixelCount, (i + 1) * pixelCount));
  }
  return labelledImages(
    { shape: [count, size, size], dtype: "uint8", data: images },
    { shape: [count], dtype: "uint8", data: labels },
  );
}

function drawDigit(pen: Pen, digit: number, random: ImageRandom): void {
  const variants = glyphs[digit]!;
  const glyph = variants[Math.floor(random.uniform(0, variants.length))]!;
  const height = random.uniform(...style.height);
  const width = random.uniform(...style.width) * (digit === 1 ? 0.8 : 1);
  const slant = style.slant[0] + style.slant[1] * random.normal();
  const angle = style.rotation * random.normal();
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
  const centerX = (size - 1) / 2 + style.shift * random.normal();
  const centerY = (size - 1) / 2 + style.shift * random.normal();
  const bendX = style.bend * random.normal();
  const bendY = style.bend * random.normal();
  const [phaseX, phaseY] = [random.uniform(0, 6.28), random.uniform(0, 6.28)];
  const place = (x: number, y: number): [number, number] => {
    const v = (y - 0.5 + bendY * Math.sin(4 * x + phaseY)) * height;
    const u = (x - 0.5 + bendX * Math.sin(5 * y + phaseX)) * width - slant * v;
    return [centerX + cos * u - sin * v, centerY + sin * u + cos * v];
  };
  const meanRadius = random.uniform(...style.radius);

  pen.clear();
  for (const stroke of glyph) {
    let moved: Point = [0, 0];
    const points = stroke.map(([x, y], i): Point => {
      const isCorner = i > 0 && x === stroke[i - 1]![0] && y === stroke[i - 1]![1];
      if (!isCorner) moved = [x + style.jitter * random.normal(), y + style.jitter * random.normal()];
      return moved;
    });
    const phase = random.uniform(0, 6.28);
    pen.draw(points, place, (along) => meanRadius * (1 + style.pressure * Math.sin(phase + 4 * along)));
  }
}

/** Blur, ink and noise; the result as bytes. */
function develop(pen: Pen, random: ImageRandom, out: Uint8Array): void {
  pen.blur(random.uniform(...style.blur));
  const ink = random.uniform(...style.ink);
  const noise = random.uniform(...style.noise);
  for (let i = 0; i < pixelCount; i++) {
    const value = pen.pixels[i]! * ink + noise * random.roughNormal();
    out[i] = value < 0 ? 0 : value > 255 ? 255 : value + 0.5;
  }
}

/**
 * The random numbers of one image, from its key: mulberry32, a sequence, because 784 pixels of counter-based
 * numbers would take longer than the drawing. Normal numbers are sums of uniform ones: bounded, and the same bits in
 * every engine, which logarithms are not.
 */
class ImageRandom {
  private state: number;

  constructor(key: number) {
    this.state = key;
  }

  uniform(low: number, high: number): number {
    return low + (high - low) * (this.bits() >>> 0) * 2 ** -32;
  }

  /** Mean 0, deviation 1, within ±3: the sum of three uniform numbers. */
  normal(): number {
    return this.uniform(-1, 1) + this.uniform(-1, 1) + this.uniform(-1, 1);
  }

  /** Mean 0, deviation 1, in steps: the sum of four bytes. */
  roughNormal(): number {
    const bits = this.bits();
    const sum = (bits & 255) + ((bits >>> 8) & 255) + ((bits >>> 16) & 255) + (bits >>> 24);
    return (sum - 510) * (1 / 147.8);
  }

  private bits(): number {
    this.state = (this.state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.state ^ (this.state >>> 15), this.state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return mixed ^ (mixed >>> 14);
  }
}
