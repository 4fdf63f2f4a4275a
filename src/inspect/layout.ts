/**
 * A layered drawing of a graph without cycles (Sugiyama, Tagawa and Toda 1981): nodes in layers by their longest path
 * to an end, long edges cut into pieces by invisible nodes, layers ordered by barycentres until few edges cross,
 * positions by least squares under the condition that nothing overlaps.
 */
export interface Box {
  readonly width: number;
  readonly height: number;
}

export interface Link {
  readonly from: number;
  readonly to: number;
}

export interface Point {
  readonly x: number;
  readonly y: number;
}

export interface Placement {
  readonly width: number;
  readonly height: number;
  /** Centres of the boxes. */
  readonly centers: readonly Point[];
  /** For each link the points it runs through, from the lower edge of a box to the upper edge of another. */
  readonly routes: readonly (readonly Point[])[];
}

export interface Spacing {
  /** Between neighbours in a layer. */
  readonly beside: number;
  /** Between two layers. */
  readonly between: number;
}

/** A box, or a piece of a link that passes through a layer. */
interface Item {
  readonly width: number;
  readonly height: number;
  /** Items of the layer above and below that it is linked with; `shift` is where the link ends, from their centre. */
  readonly above: Neighbour[];
  readonly below: Neighbour[];
  x: number;
}

interface Neighbour {
  readonly item: Item;
  /** Where the link meets this item and the neighbour, from their centres. */
  readonly here: number;
  readonly there: number;
}

/** Places boxes so that links run downwards. Links into a box meet it side by side, in their order. */
export function placeLayers(boxes: readonly Box[], links: readonly Link[], spacing: Spacing): Placement {
  const layerOf = layersByEnd(boxes.length, links);
  const layers: Item[][] = Array.from({ length: Math.max(0, ...layerOf) + 1 }, () => []);
  const items = boxes.map((box): Item => ({ ...box, above: [], below: [], x: 0 }));
  const chains = connect(items, links, layerOf);
  for (const item of inOrder(items, links, chains, layerOf)) layers[item.layer]!.push(item.item);
  const ordered = untangle(layers);
  assignPositions(ordered, spacing.beside);

  const tops: number[] = [];
  const heights = ordered.map((layer) => layer.reduce((most, { height }) => Math.max(most, height), 0));
  let bottom = 0;
  for (const [i, height] of heights.entries()) {
    tops.push(bottom);
    bottom += height + (i < heights.length - 1 ? spacing.between : 0);
  }
  const all = ordered.flat();
  const left = all.reduce((least, { x, width }) => Math.min(least, x - width / 2), Number.POSITIVE_INFINITY);
  const right = all.reduce((most, { x, width }) => Math.max(most, x + width / 2), Number.NEGATIVE_INFINITY);
  const middle = (layer: number) => tops[layer]! + heights[layer]! / 2;
  return {
    width: all.length > 0 ? right - left : 0,
    height: bottom,
    centers: items.map(({ x }, i) => ({ x: x - left, y: middle(layerOf[i]!) })),
    routes: chains.map(({ pieces, port }, i) => {
      const { from, to } = links[i]!;
      const start = { x: items[from]!.x - left, y: middle(layerOf[from]!) + items[from]!.height / 2 };
      const end = { x: items[to]!.x + port - left, y: middle(layerOf[to]!) - items[to]!.height / 2 };
      const through = pieces.flatMap((piece, k) => {
        const layer = layerOf[from]! + 1 + k;
        const x = piece.x - left;
        return [
          { x, y: tops[layer]! },
          { x, y: tops[layer]! + heights[layer]! },
        ];
      });
      return [start, ...through, end];
    }),
  };
}

/** The layer of each node: ends in the last, every other node just above the highest that uses it. */
function layersByEnd(count: number, links: readonly Link[]): number[] {
  const users: number[][] = Array.from({ length: count }, () => []);
  const operands: number[][] = Array.from({ length: count }, () => []);
  for (const { from, to } of links) {
    users[from]!.push(to);
    operands[to]!.push(from);
  }
  const distance = new Array<number>(count).fill(0);
  const waiting = users.map((list) => list.length);
  const ready = waiting.flatMap((n, i) => (n === 0 ? [i] : []));
  for (let k = 0; k < ready.length; k++) {
    const node = ready[k]!;
    for (const operand of operands[node]!) {
      distance[operand] = Math.max(distance[operand]!, distance[node]! + 1);
      if (--waiting[operand]! === 0) ready.push(operand);
    }
  }
  const depth = distance.reduce((most, d) => Math.max(most, d), 0);
  return distance.map((d) => depth - d);
}

interface Chain {
  readonly pieces: readonly Item[];
  /** Where the link meets its target, from the target's centre. */
  readonly port: number;
}

/** Links as chains of neighbours from layer to layer; links that leave one box share a trunk as long as they can. */
function connect(items: readonly Item[], links: readonly Link[], layerOf: readonly number[]): Chain[] {
  const arrivals = new Map<number, number>();
  for (const { to } of links) arrivals.set(to, (arrivals.get(to) ?? 0) + 1);
  const arrived = new Map<number, number>();
  const trunks = items.map((item) => [item]);
  const join = (upper: Item, lower: Item, port: number) => {
    upper.below.push({ item: lower, here: 0, there: port });
    lower.above.push({ item: upper, here: port, there: 0 });
  };
  return links.map(({ from, to }) => {
    const position = arrived.get(to) ?? 0;
    arrived.set(to, position + 1);
    const port = ((position + 1) / (arrivals.get(to)! + 1) - 0.5) * items[to]!.width;
    const trunk = trunks[from]!;
    const length = layerOf[to]! - layerOf[from]!; // the box itself and the pieces below it
    while (trunk.length < length) {
      const piece: Item = { width: 6, height: 0, above: [], below: [], x: 0 };
      join(trunk.at(-1)!, piece, 0);
      trunk.push(piece);
    }
    join(trunk[length - 1]!, items[to]!, port);
    return { pieces: trunk.slice(1, length), port };
  });
}

/** A first order: depth first from the ends, operands in their order, so that a tree has no crossings. */
function inOrder(
  items: readonly Item[],
  links: readonly Link[],
  chains: readonly Chain[],
  layerOf: readonly number[],
): { item: Item; layer: number }[] {
  const into: number[][] = items.map(() => []);
  const used = new Set<number>();
  for (const [i, { from, to }] of links.entries()) {
    into[to]!.push(i);
    used.add(from);
  }
  const found: { item: Item; layer: number }[] = [];
  const seen = new Set<number>();
  const placed = new Set<Item>();
  const stack = items.flatMap((_, i) => (used.has(i) ? [] : [i])).reverse();
  while (stack.length > 0) {
    const node = stack.pop()!;
    if (node < 0) {
      const link = -1 - node;
      for (const [k, item] of chains[link]!.pieces.entries()) {
        if (!placed.has(item)) found.push({ item, layer: layerOf[links[link]!.from]! + 1 + k });
        placed.add(item);
      }
      continue;
    }
    if (seen.has(node)) continue;
    seen.add(node);
    found.push({ item: items[node]!, layer: layerOf[node]! });
    for (const link of [...into[node]!].reverse()) stack.push(links[link]!.from, -1 - link);
  }
  return found;
}

const sweeps = 12;

/** Orders layers by the mean place of the neighbours, down and up in turn; the order with the fewest crossings stays. */
function untangle(layers: readonly Item[][]): Item[][] {
  let best = layers.map((layer) => [...layer]);
  let fewest = crossings(best);
  let current = best;
  for (let sweep = 0; sweep < sweeps && fewest > 0; sweep++) {
    const side = sweep % 2 === 0 ? "above" : "below";
    const next = current.map((layer) => [...layer]);
    const indices = next.map((_, i) => (side === "above" ? i : next.length - 1 - i));
    for (const i of indices) {
      const place = new Map(next[i + (side === "above" ? -1 : 1)]?.map((item, k) => [item, k]));
      const barycentre = new Map(
        next[i]!.map((item, k) => {
          const places = item[side].map((neighbour) => place.get(neighbour.item)!);
          return [item, places.length > 0 ? places.reduce((a, b) => a + b, 0) / places.length : k];
        }),
      );
      next[i]!.sort((a, b) => barycentre.get(a)! - barycentre.get(b)!);
    }
    current = next;
    const count = crossings(next);
    if (count < fewest) [best, fewest] = [next, count];
  }
  return best;
}

/** Pairs of links between neighbouring layers that cross. */
function crossings(layers: readonly Item[][]): number {
  let count = 0;
  for (let i = 0; i + 1 < layers.length; i++) {
    const place = new Map(layers[i + 1]!.map((item, k) => [item, k]));
    // Sorted by their upper end, two links cross where the lower ends stand the other way round.
    const ends = layers[i]!.flatMap((item) =>
      item.below
        .map(({ item: target, there }) => place.get(target)! + there / (target.width + 1))
        .sort((a, b) => a - b),
    );
    const sorted = [...ends].sort((a, b) => a - b);
    count += inversions(ends, sorted);
  }
  return count;
}

/** Pairs in the wrong order, by a binary indexed tree over the sorted values. */
function inversions(values: readonly number[], sorted: readonly number[]): number {
  const rank = new Map<number, number>();
  for (const value of sorted) if (!rank.has(value)) rank.set(value, rank.size + 1);
  const tree = new Array<number>(rank.size + 1).fill(0);
  let count = 0;
  for (const [seen, value] of values.entries()) {
    let notLarger = 0;
    for (let i = rank.get(value)!; i > 0; i -= i & -i) notLarger += tree[i]!;
    count += seen - notLarger;
    for (let i = rank.get(value)!; i < tree.length; i += i & -i) tree[i]!++;
  }
  return count;
}

const rounds = 60;

/** Each item as near to its neighbours as the order of its layer allows; down and up in turn, until it has settled. */
function assignPositions(layers: readonly Item[][], gap: number): void {
  for (const layer of layers) settle(layer, gap, () => [0, 1]);
  for (let round = 0; round < rounds; round++) {
    for (const layer of round % 2 === 0 ? layers : layers.toReversed()) {
      settle(layer, gap, (item) => {
        const neighbours = [...item.above, ...item.below];
        if (neighbours.length === 0) return [item.x, 0.01];
        const wish = neighbours.reduce((sum, n) => sum + n.item.x + n.there - n.here, 0) / neighbours.length;
        // Pieces of long links pull harder, which straightens them.
        return [wish, item.height === 0 ? 8 : neighbours.length];
      });
    }
  }
}

/**
 * Positions with the least weighted squared distance from where the items would like to be, without overlap: an
 * isotonic regression, solved by pooling adjacent violators.
 */
function settle(
  layer: readonly Item[],
  gap: number,
  wishOf: (item: Item) => readonly [number, number],
): void {
  const pools: { mean: number; weight: number; count: number }[] = [];
  const offsets: number[] = [];
  let offset = 0;
  for (const [i, item] of layer.entries()) {
    if (i > 0) offset += (layer[i - 1]!.width + item.width) / 2 + gap;
    offsets.push(offset);
    const [wish, weight] = wishOf(item);
    let pool = { mean: wish - offset, weight, count: 1 };
    while (pools.length > 0 && pools.at(-1)!.mean > pool.mean) {
      const before = pools.pop()!;
      const total = before.weight + pool.weight;
      pool = {
        mean: (before.mean * before.weight + pool.mean * pool.weight) / total,
        weight: total,
        count: before.count + pool.count,
      };
    }
    pools.push(pool);
  }
  let next = 0;
  for (const { mean, count } of pools)
    for (let k = 0; k < count; k++, next++) layer[next]!.x = mean + offsets[next]!;
}
