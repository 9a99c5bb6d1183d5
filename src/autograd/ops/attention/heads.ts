import { broadcastShapes, expandView, formatShape, type Shape, type Tensor } from "../../../tensor/index.ts";

export const NAME = "scaledDotProductAttention";

const headsOf = (x: Tensor): number => x.shape[x.rank - 3] ?? 1;

/**
 * Checks queries [..., heads, Q, width], keys and values, and tells how many adjacent query heads share one of the keys'
 * and values' heads.
 */
export function checkShapes(query: Tensor, key: Tensor, value: Tensor): number {
  const shapes = [query, key, value].map(({ shape }) => formatShape(shape)).join(", ");
  const fail = (expected: string): never => {
    throw new Error(`${NAME}: expected ${expected}, got query, key and value ${shapes}`);
  };
  if ([query, key, value].some((x) => x.rank < 2)) fail("[..., heads, length, width]");
  if (query.shape[query.rank - 1] !== key.shape[key.rank - 1]) fail("queries and keys of one width");
  if (key.shape[key.rank - 2] !== value.shape[value.rank - 2]) fail("as many keys as values");
  const [heads, keyHeads, valueHeads] = [query, key, value].map(headsOf);
  if (keyHeads <= 1 || heads === keyHeads || heads === 1) return 1; // one head broadcasts
  if (heads % keyHeads !== 0 || keyHeads !== valueHeads) fail("heads of keys and values that divide those of queries");
  return heads / keyHeads;
}

/** Shape of the batch axes of the result, heads among them. */
function batchOf(query: Tensor, key: Tensor, value: Tensor): Shape {
  const groups = checkShapes(query, key, value);
  const [q, k, v] = [query, key, value].map(({ shape }) => shape.slice(0, -2));
  const spread = (batch: Shape): Shape => (groups === 1 ? batch : [...batch.slice(0, -1), headsOf(query)]);
  return broadcastShapes(NAME, broadcastShapes(NAME, q, spread(k)), spread(v));
}

/** [..., heads, Q, K] */
export const scoresShape = (query: Tensor, key: Tensor, value: Tensor): Shape => [
  ...batchOf(query, key, value),
  query.shape[query.rank - 2],
  key.shape[key.rank - 2],
];

/** How the heads of queries, keys and values lie beside each other. */
export interface Heads {
  /** Batch axes of the result, of which the last is heads of keys, then how many queries' heads share each. */
  batch: Shape;
  /** Views of queries, keys and values with these axes in front of the last two; keys and values with one group. */
  query: Tensor;
  key: Tensor;
  value: Tensor;
  /** A view of what has the shape of the result, with groups as an axis. */
  grouped(x: Tensor): Tensor;
  /** A view of what broadcasts to the scores, likewise. */
  groupedMask(x: Tensor): Tensor;
}

/** Views for the kernels, which take groups of queries as the last batch axis. */
export function headsFor(query: Tensor, key: Tensor, value: Tensor): Heads {
  const whole = batchOf(query, key, value);
  const heads = whole[whole.length - 1] ?? 1;
  // Keys with a single head are shared by all queries.
  const isShared = headsOf(key) === 1 && headsOf(value) === 1;
  const groups = isShared ? heads : checkShapes(query, key, value);
  const front = whole.slice(0, -1);
  const batch = [...front, heads / groups, groups];
  const grouped = (x: Tensor): Tensor => {
    const view = expandView(x, [...(whole.length > 0 ? whole : [1]), ...x.shape.slice(-2)]);
    const own = view.strides[view.rank - 3];
    return view.view(
      [...batch, ...view.shape.slice(-2)],
      [...view.strides.slice(0, -3), own * groups, own, ...view.strides.slice(-2)],
    );
  };
  const shared = (x: Tensor): Tensor => {
    const view = expandView(x, [...front, heads / groups, ...x.shape.slice(-2)]);
    return view.view(
      [...front, heads / groups, 1, ...view.shape.slice(-2)],
      [...view.strides.slice(0, -2), 0, ...view.strides.slice(-2)],
    );
  };
  const scores = scoresShape(query, key, value);
  return {
    batch,
    query: grouped(query),
    key: shared(key),
    value: shared(value),
    grouped,
    groupedMask: (x) => grouped(expandView(x, scores)),
  };
}
