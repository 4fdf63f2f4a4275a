/** A point of a grid, in cells: [column, row]. */
export type GridPoint = readonly [column: number, row: number];

/**
 * The rims of the region of a grid where values are at most `level`, as closed paths (marching squares): where a rim
 * crosses between two grid points its place is interpolated, and along the edge of the grid it runs on the edge.
 *
 * @param values rows of equal length; what is not finite counts as outside
 */
export function contour(values: readonly ArrayLike<number>[], level: number): GridPoint[][] {
  const rows = values.length;
  const columns = values[0]?.length ?? 0;
  const at = (row: number, column: number) => values[row]?.[column] ?? Number.NaN;
  const isInside = (row: number, column: number) => at(row, column) <= level; // NaN is outside
  // Each crossing is left by the rim in one cell and entered in the cell on the other side.
  const next = new Map<string, string>();
  const place = new Map<string, GridPoint>();
  // One cell more on each side, so that every rim closes.
  for (let row = -1; row < rows; row++) {
    for (let column = -1; column < columns; column++) {
      const corners: readonly (readonly [number, number])[] = [
        [row, column],
        [row, column + 1],
        [row + 1, column + 1],
        [row + 1, column],
      ];
      const inside = corners.map(([r, c]) => isInside(r, c));
      for (let k = 0; k < 4; k++) {
        if (!inside[k] || inside[(k + 1) % 4]) continue;
        // The run of inside corners that ends here: the rim goes to where it began. Diagonal runs stay apart.
        let first = k;
        while (inside[(first + 3) % 4]) first = (first + 3) % 4;
        const exit = crossing(corners[k]!, corners[(k + 1) % 4]!);
        const entry = crossing(corners[first]!, corners[(first + 3) % 4]!);
        next.set(exit, entry);
        place.set(exit, interpolated(corners[k]!, corners[(k + 1) % 4]!));
      }
    }
  }
  const paths: GridPoint[][] = [];
  while (next.size > 0) {
    const path: GridPoint[] = [];
    let edge = next.keys().next().value!;
    while (next.has(edge)) {
      path.push(place.get(edge)!);
      const following = next.get(edge)!;
      next.delete(edge);
      edge = following;
    }
    paths.push(path);
  }
  return paths;

  /** The name of the edge between two neighbours, the same from both sides. */
  function crossing([r1, c1]: readonly [number, number], [r2, c2]: readonly [number, number]): string {
    return `${Math.min(r1, r2)},${Math.min(c1, c2)},${r1 === r2 ? "h" : "v"}`;
  }

  function interpolated([r1, c1]: readonly [number, number], [r2, c2]: readonly [number, number]): GridPoint {
    const [a, b] = [at(r1, c1), at(r2, c2)];
    const share = Number.isFinite(b) && b !== a ? (level - a) / (b - a) : 0; // beyond the edge there is nothing
    return [c1 + share * (c2 - c1), r1 + share * (r2 - r1)];
  }
}
