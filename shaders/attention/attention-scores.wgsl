// Scores of attention, scale · Q Kᵀ + bias, from products of rows of Q and of K, and what the forward pass makes of them:
// weights, e^s / 2^N as attention-arithmetic.wgsl tells, and in the end what a row of weighted values is multiplied by.

struct Params {
  axes: vec4<u32>, // lengths of the batch axes, three, and of the queries
  qStrides: vec4<u32>, // along these, in elements as all strides and offsets
  kStrides: vec4<u32>, // the last one along the keys
  vStrides: vec4<u32>,
  maskStrides: vec4<u32>,
  biasStrides: vec4<u32>,
  yStrides: vec4<u32>,
  statisticsStrides: vec4<u32>,
  workgroups: u32,
  rowTiles: u32,
  slices: u32,
  columns: u32, // keys
  width: u32, // of queries and keys
  valueWidth: u32,
  maskColumn: u32,
  biasColumn: u32,
  reach: i32, // query i sees the keys before reach + step * i
  step: i32,
  scale: f32,
  // 4: a bound that compilers do not know, as loops over loads take longest to compile when unrolled. Whether it is reached is
  // asked behind the body: lavapipe goes through a loop that asks before once more, with no lane on.
  four: u32,
  seed0: u32, // of dropout
  seed1: u32,
  threshold: u32, // scores with 24 random bits below it are dropped
  keptScale: f32, // 1 / (1 - p)
  qOffset: u32,
  kOffset: u32,
  vOffset: u32,
  maskOffset: u32,
  biasOffset: u32,
  yOffset: u32,
  statisticsOffset: u32,
}

alias Element = vec4<f32>; // spec: f32, when a width, an offset or a stride is no multiple of 4
const MASKED = false;
const BIASED = false;
const DROPPED = false; // dropout of probabilities

@group(0) @binding(0) var<storage, read> q: array<Element>;
@group(0) @binding(1) var<storage, read> k: array<Element>;
@group(0) @binding(2) var<storage, read> v: array<Element>;
@group(0) @binding(3) var<storage, read> mask: array<u32>; // 0 hides
@group(0) @binding(4) var<storage, read> bias: array<f32>;
@group(0) @binding(5) var<storage, read_write> y: array<f32>;
@group(0) @binding(6) var<storage, read_write> statistics: array<f32>; // [batch, rows, 2]: N, and 2^N over the sum of e^s
@group(1) @binding(0) var<uniform> params: Params;

// Four elements from place `i` on, a place being UNIT elements. spec: return vec4f(q[i], q[i + 1], q[i + 2], q[i + 3]);
fn loadQ(i: u32) -> vec4f { return q[i]; }
fn loadK(i: u32) -> vec4f { return k[i]; }
fn loadV(i: u32) -> vec4f { return v[i]; }

const LOWEST = -3.4028234e38f;

// Where a row of Q begins; what lies behind the last is the last.
fn rowIndex(batch: vec3u, row: u32) -> u32 {
  return params.qOffset + dot(vec4u(batch, min(row, params.axes.w - 1)), params.qStrides);
}

fn keyIndex(batch: vec3u, key: u32) -> u32 {
  return params.kOffset + dot(vec4u(batch, min(key, params.columns - 1)), params.kStrides);
}

// Scores of a row and an invocation's four keys, from products; -infinity where hidden, and infinity for NaN, which a maximum
// may drop.
fn scoresOf(products: vec4f, row: u32, key: u32, batch: vec3u) -> vec4f {
  let keys = key + vec4u(0, 1, 2, 3);
  let safe = min(keys, vec4u(params.columns - 1));
  let own = min(row, params.axes.w - 1);
  var score = params.scale * products;
  if (BIASED) {
    let at = params.biasOffset + dot(vec4u(batch, own), params.biasStrides) + safe * params.biasColumn;
    score += vec4f(bias[at.x], bias[at.y], bias[at.z], bias[at.w]);
  }
  let bits = bitcast<vec4u>(score);
  score = select(score, bitcast<vec4f>(bits & vec4u(INFINITE)), (bits & vec4u(0x7fffffffu)) > vec4u(INFINITE));
  var isSeen = vec4i(keys) < vec4i(min(params.reach + params.step * i32(own), i32(params.columns)));
  if (MASKED) {
    let at = params.maskOffset + dot(vec4u(batch, own), params.maskStrides) + safe * params.maskColumn;
    isSeen &= vec4u(mask[at.x], mask[at.y], mask[at.z], mask[at.w]) != vec4u();
  }
  return select(bitcast<vec4f>((bits & vec4u()) | vec4u(HIDDEN)), score, isSeen);
}

// And of four rows.
fn scoresOfRows(products: mat4x4f, row: u32, key: u32, batch: vec3u) -> mat4x4f {
  if (WRITTEN_OUT) {
    return mat4x4f(scoresOf(products[0], row, key, batch), scoresOf(products[1], row + 1, key, batch),
      scoresOf(products[2], row + 2, key, batch), scoresOf(products[3], row + 3, key, batch));
  }
  var scores = products; // row by row from the front, as the others move up
  var i = 0u;
  loop {
    scores = mat4x4f(scores[1], scores[2], scores[3], scoresOf(scores[0], row + i, key, batch));
    continuing {
      i++;
      break if i >= params.four;
    }
  }
  return scores;
}

fn isHidden(score: vec4f) -> vec4<bool> {
  return bitcast<vec4u>(score) == vec4u(HIDDEN);
}

// The largest n of each of four rows among an invocation's four keys.
fn largestExponents(scores: mat4x4f) -> vec4f {
  return vec4f(largestExponent(scores[0]), largestExponent(scores[1]), largestExponent(scores[2]), largestExponent(scores[3]));
}

fn largestExponent(scores: vec4f) -> f32 {
  let n = select(exponentOf(scores), vec4f(LOWEST), isHidden(scores));
  return max(max(n.x, n.y), max(n.z, n.w));
}

// e^s / 2^N of a row; negative where dropped, as all count in the sum. `place` is that of the first in [batch, queries, keys].
fn weightsOf(scores: vec4f, largest: f32, place: u32) -> vec4f {
  var weight = weightOf(scores, vec4f(largest));
  if (DROPPED) {
    weight = select(-weight, weight, keeps(place + vec4u(0, 1, 2, 3)));
  }
  return select(weight, vec4f(), isHidden(scores));
}

// And of four rows, of which the first lies at `row` in [batch, queries].
fn weightsOfRows(scores: mat4x4f, largest: vec4f, row: u32, key: u32) -> mat4x4f {
  let place = row * params.columns + key;
  if (WRITTEN_OUT) {
    return mat4x4f(weightsOf(scores[0], largest.x, place), weightsOf(scores[1], largest.y, place + params.columns),
      weightsOf(scores[2], largest.z, place + 2 * params.columns), weightsOf(scores[3], largest.w, place + 3 * params.columns));
  }
  var weights = scores;
  var own = largest;
  var i = 0u;
  loop {
    weights = mat4x4f(weights[1], weights[2], weights[3], weightsOf(weights[0], own.x, place + i * params.columns));
    own = own.yzwx;
    continuing {
      i++;
      break if i >= params.four;
    }
  }
  return weights;
}

fn scaleRows(tile: mat4x4f, factors: vec4f) -> mat4x4f {
  return mat4x4f(tile[0] * factors.x, tile[1] * factors.y, tile[2] * factors.z, tile[3] * factors.w);
}

// What a row of weighted values is multiplied by. Of what is seen, NaN or infinity makes the row NaN; a row that sees nothing
// is 0.
fn factorOf(total: f32, largest: f32) -> f32 {
  let isEmpty = bitcast<u32>(total) == 0;
  let isNotANumber = bitcast<u32>(largest) == INFINITE;
  let notANumber = bitcast<f32>(bitcast<u32>(total) | 0x7fc00000u);
  return select(select(1.0 / total, 0.0, isEmpty), notANumber, isNotANumber);
}
