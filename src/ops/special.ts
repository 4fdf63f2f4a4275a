/** Special functions, element by element. */
import { mul, neg, square } from "./arithmetic.js";
import { unary } from "./define.js";
import { exp } from "./exponential.js";

/** Error function 2/√π ∫₀ˣ e^(−t²) dt. */
export const erf = unary("erf", {
  reference: erfReference,
  vjp: (g, x) => mul(g, mul(exp(neg(square(x))), 2 / Math.sqrt(Math.PI))),
});

/** erf by its Taylor series below 3, by the continued fraction of erfc above: about 1e-15. */
function erfReference(x: number): number {
  const z = Math.abs(x);
  if (Number.isNaN(x)) return x;
  if (z < 3) {
    let term = z;
    let total = z;
    for (let n = 1; n < 100 && Math.abs(term) > 1e-17 * Math.abs(total); n++) {
      term *= -(z * z) / n;
      total += term / (2 * n + 1);
    }
    return (Math.sign(x) * 2 * total) / Math.sqrt(Math.PI);
  }
  let fraction = 0;
  for (let n = 60; n >= 1; n--) fraction = n / 2 / (z + fraction);
  return Math.sign(x) * (1 - Math.exp(-z * z) / ((z + fraction) * Math.sqrt(Math.PI)));
}
