import type { Stroke } from "./glyphs.js";

/** Straight pieces per control segment: enough that no corner shows at 28 pixels. */
const piecesPerSegment = 5;

/** A grey drawing of `size` × `size` pixels, 0 to 1, with a round pen of changing width. */
export class Pen {
  readonly size: number;
  readonly pixels: Float32Array;
  private readonly scratch: Float32Array;

  constructor(size: number) {
    this.size = size;
    this.pixels = new Float32Array(size * size);
    this.scratch = new Float32Array(size * size);
  }

  clear(): void {
    this.pixels.fill(0);
  }

  /**
   * Draws a smooth curve through the points (Catmull–Rom; a repeated point is a corner).
   *
   * @param place takes a point of the stroke to pixels, first x, then y
   * @param radius half the pen's width in pixels at a place along the stroke, 0 to 1
   */
  draw(
    points: Stroke,
    place: (x: number, y: number) => [number, number],
    radius: (along: number) => number,
  ): void {
    let previous: [number, number] | undefined;
    const last = points.length - 1;
    for (let i = 0; i < last; i++) {
      const [x1, y1] = points[i]!;
      const [x2, y2] = points[i + 1]!;
      if (x1 === x2 && y1 === y2) continue;
      // The tangent at a point runs along its neighbours; ends and corners are their own neighbours.
      const [x0, y0] = points[Math.max(0, i - 1)]!;
      const [x3, y3] = points[Math.min(last, i + 2)]!;
      for (let piece = previous ? 1 : 0; piece <= piecesPerSegment; piece++) {
        const t = piece / piecesPerSegment;
        const a = ((-t + 2) * t - 1) * t * 0.5;
        const b = ((3 * t - 5) * t * t + 2) * 0.5;
        const c = ((-3 * t + 4) * t + 1) * t * 0.5;
        const d = (t - 1) * t * t * 0.5;
        const next = place(a * x0 + b * x1 + c * x2 + d * x3, a * y0 + b * y1 + c * y2 + d * y3);
        if (previous) this.line(previous[0], previous[1], next[0], next[1], radius((i + t) / last));
        previous = next;
      }
    }
  }

  /** Mixes each pixel with its neighbours: weights `side`, 1 − 2·side, `side` along rows, then along columns. */
  blur(side: number): void {
    this.blurAlong(this.pixels, this.scratch, 1, this.size, side);
    this.blurAlong(this.scratch, this.pixels, this.size, 1, side);
  }

  /** A straight piece with round ends; its edge fades over one pixel; overlapping ink does not add up. */
  private line(x0: number, y0: number, x1: number, y1: number, radius: number): void {
    const { size, pixels } = this;
    const reach = radius + 0.5;
    const dx = x1 - x0;
    const dy = y1 - y0;
    const scale = 1 / Math.max(dx * dx + dy * dy, 1e-9);
    const left = Math.max(0, Math.ceil(Math.min(x0, x1) - reach));
    const right = Math.min(size - 1, Math.floor(Math.max(x0, x1) + reach));
    const top = Math.max(0, Math.ceil(Math.min(y0, y1) - reach));
    const bottom = Math.min(size - 1, Math.floor(Math.max(y0, y1) + reach));
    for (let y = top; y <= bottom; y++) {
      for (let x = left; x <= right; x++) {
        const along = Math.min(1, Math.max(0, ((x - x0) * dx + (y - y0) * dy) * scale));
        const offX = x - x0 - along * dx;
        const offY = y - y0 - along * dy;
        const squared = offX * offX + offY * offY;
        if (squared >= reach * reach) continue;
        const ink = Math.min(1, reach - Math.sqrt(squared));
        const at = y * size + x;
        if (ink > pixels[at]!) pixels[at] = ink;
      }
    }
  }

  private blurAlong(
    from: Float32Array,
    to: Float32Array,
    step: number,
    lineStep: number,
    side: number,
  ): void {
    const { size } = this;
    const middle = 1 - 2 * side;
    for (let line = 0; line < size; line++) {
      let at = line * lineStep;
      let before = 0;
      for (let i = 0; i < size; i++, at += step) {
        const here = from[at]!;
        const after = i + 1 < size ? from[at + step]! : 0;
        to[at] = side * (before + after) + middle * here;
        before = here;
      }
    }
  }
}
