// attention-shared: y = softmax(scale · Q Kᵀ + bias) V in one pass over the keys.
//
// For GPUs, and wherever subgroups have no fixed size. A workgroup of 8 x 8 threads makes 32 rows of y, 64 columns wide, and
// takes 32 keys at a time: a thread has 4 x 4 scores, whose operands pass through workgroup memory, 16 places of the width
// a round; the weights of the 32 keys lie there for all when values are added up, 16 keys a round.
//
// Same bindings, parameters, arithmetic and order of summation as attention.wgsl, so the same bits.
//
// Grid: linear; column slices of y, then tiles of rows, then batches.

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
  four: u32, // 4: a bound that compilers do not know, as loops over loads take longest to compile when unrolled
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
const DROPPED = false;    // dropout of probabilities
const IS_WHOLE = true;     // spec: false where Element is f32
const TILE: u32 = 32;      // rows of y a workgroup makes, and keys it takes at a time
const DEPTH: u32 = 16;     // places of the width, or keys, in workgroup memory at a time
const COLUMNS: u32 = 64;   // of y a workgroup makes
const PITCH: u32 = TILE + 4; // keeps the transposing writes off one bank

@group(0) @binding(0) var<storage, read> q: array<Element>;
@group(0) @binding(1) var<storage, read> k: array<Element>;
@group(0) @binding(2) var<storage, read> v: array<Element>;
@group(0) @binding(3) var<storage, read> mask: array<u32>; // 0 hides
@group(0) @binding(4) var<storage, read> bias: array<f32>;
@group(0) @binding(5) var<storage, read_write> y: array<f32>;
@group(0) @binding(6) var<storage, read_write> statistics: array<f32>; // [batch, rows, 2]: N, and 2^N over the sum of e^s
@group(1) @binding(0) var<uniform> params: Params;

var<workgroup> qTile: array<f32, DEPTH * PITCH>; // [place of the width, row]
var<workgroup> kTile: array<f32, DEPTH * PITCH>; // [place of the width, key]
var<workgroup> vTile: array<vec4f, DEPTH * COLUMNS / 4>; // [key, column]
var<workgroup> weightTile: array<vec4f, TILE * TILE / 4>; // [key, row]
var<workgroup> largestTile: array<vec4f, TILE / 4 * 8>; // [four rows, thread of theirs]

// Four elements from `i` on. spec: return vec4f(q[i], q[i + 1], q[i + 2], q[i + 3]);
fn loadQ(i: u32) -> vec4f { return q[i / 4]; }
fn loadK(i: u32) -> vec4f { return k[i / 4]; }
fn loadV(i: u32) -> vec4f { return v[i / 4]; }

// e^r for |r| < 0.36. spec: the library's
fn nearOne(r: vec4f) -> vec4f { return exp(r); }

// Which of four scores dropout keeps, by their places in [batch, queries, keys]. spec: the library's
fn keeps(i: vec4u) -> vec4<bool> { return vec4(true); }

const LOWEST = -3.4028234e38f;
const INFINITE = 0x7f800000u;
const HIDDEN = 0xff800000u; // -infinity

fn outer(x: vec4f, y: vec4f) -> mat4x4f { return mat4x4f(x.x * y, x.y * y, x.z * y, x.w * y); }

fn pick(tile: mat4x4f, i: u32) -> vec4f {
  return select(select(tile[0], tile[1], i == 1), select(tile[2], tile[3], i == 3), i > 1);
}

// Where a row of Q begins; what lies behind the last is the last.
fn rowIndex(batch: vec3u, row: u32) -> u32 {
  return params.qOffset + dot(vec4u(batch, min(row, params.axes.w - 1)), params.qStrides);
}

fn keyIndex(batch: vec3u, key: u32) -> u32 {
  return params.kOffset + dot(vec4u(batch, min(key, params.columns - 1)), params.kStrides);
}

// Zeros behind the end of a row.
fn within(v: vec4f, c: u32) -> vec4f {
  return select(vec4f(), v, vec4(IS_WHOLE) | (c + vec4u(0, 1, 2, 3) < vec4u(params.width)));
}

// Scores of four rows and a thread's four keys, from products; -infinity where hidden, and infinity for NaN, which a maximum
// may drop.
fn scoresOf(products: mat4x4f, row: u32, key: u32, batch: vec3u) -> mat4x4f {
  let keys = key + vec4u(0, 1, 2, 3);
  let safe = min(keys, vec4u(params.columns - 1));
  var scores = products; // row by row from the front, as the others move up
  for (var i = 0u; i < params.four; i++) {
    let own = min(row + i, params.axes.w - 1);
    var score = params.scale * scores[0];
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
    score = select(bitcast<vec4f>((bits & vec4u()) | vec4u(HIDDEN)), score, isSeen);
    scores = mat4x4f(scores[1], scores[2], scores[3], score);
  }
  return scores;
}

// The whole n of e^s = 2^n e^r.
fn exponentOf(score: vec4f) -> vec4f {
  return max(round(score * 1.44269504), vec4f(-3e38));
}

fn isHidden(score: vec4f) -> vec4<bool> {
  return bitcast<vec4u>(score) == vec4u(HIDDEN);
}

// 2^n for whole n up to 127; 0 below -126.
fn twoToThe(n: vec4f) -> vec4f {
  return bitcast<vec4f>(vec4u(vec4i(max(n, vec4f(-127.0))) + 127) << vec4u(23));
}

// The largest n of each of four rows among a thread's four keys.
fn largestExponents(scores: mat4x4f) -> vec4f {
  var found: vec4f;
  for (var i = 0u; i < 4; i++) {
    let n = select(exponentOf(scores[i]), vec4f(LOWEST), isHidden(scores[i]));
    found[i] = max(max(n.x, n.y), max(n.z, n.w));
  }
  return found;
}

// e^s / 2^N of four rows; negative where dropped, as all count in the sum.
fn weightsOf(scores: mat4x4f, largest: vec4f, first: u32, key: u32) -> mat4x4f {
  var weights = scores;
  var own = largest;
  for (var i = 0u; i < params.four; i++) {
    let score = weights[0];
    let n = exponentOf(score);
    let r = (score - n * 0.693359375) - n * -2.12194440e-4;
    var weight = nearOne(clamp(r, vec4f(-0.36), vec4f(0.36))) * twoToThe(n - own.x);
    if (DROPPED) {
      weight = select(-weight, weight, keeps((first + i) * params.columns + key + vec4u(0, 1, 2, 3)));
    }
    weights = mat4x4f(weights[1], weights[2], weights[3], select(weight, vec4f(), isHidden(score)));
    own = own.yzwx;
  }
  return weights;
}

fn scaleRows(tile: mat4x4f, factors: vec4f) -> mat4x4f {
  return mat4x4f(tile[0] * factors.x, tile[1] * factors.y, tile[2] * factors.z, tile[3] * factors.w);
}

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) thread: u32,
) {
  let workgroup = group.y * groups.x + group.x;
  if (workgroup >= params.workgroups) {
    return;
  }
  let slice = workgroup % params.slices;
  let row = workgroup / params.slices % params.rowTiles * TILE;
  let place = workgroup / params.slices / params.rowTiles;
  let batch = vec3u(place / params.axes.z / params.axes.y, place / params.axes.z % params.axes.y, place % params.axes.z);

  let m = thread / 8 * 4; // this thread's rows, and its keys or columns
  let n = thread % 8 * 4;
  // What it loads: half a row of DEPTH places for one row and one key; four columns in each half of the values.
  let loadedRow = thread / 2;
  let loadedPlace = thread % 2 * 8;
  let qRow = rowIndex(batch, row + loadedRow) + loadedPlace;
  let vBase = params.vOffset + dot(vec4u(batch, 0), params.vStrides);
  let column = slice * COLUMNS + n;
  let columnLimit = (params.valueWidth - 1) / 4 * 4;
  let column0 = min(column, columnLimit);
  let column1 = min(column + COLUMNS / 2, columnLimit);

  var y0 = mat4x4f(); // four rows, four columns in each half
  var y1 = mat4x4f();
  var largest = vec4f(LOWEST); // N of each row
  var total = vec4f(); // sum of e^s / 2^N

  let lastRow = i32(min(row + TILE, params.axes.w)) - 1;
  let end = u32(clamp(params.reach + params.step * lastRow, 0, i32(params.columns)));
  for (var start = 0u; start < end; start += TILE) {
    let kRow = keyIndex(batch, start + loadedRow) + loadedPlace;
    var products = mat4x4f();
    for (var c = 0u; c < params.width; c += DEPTH) {
      workgroupBarrier();
      for (var half = 0u; half < 8; half += 4) {
        let at = c + loadedPlace + half;
        let isLive = at < params.width;
        let x = select(vec4f(), within(loadQ(qRow + c + half), at), isLive);
        let y = select(vec4f(), within(loadK(kRow + c + half), at), isLive);
        for (var i = 0u; i < 4; i++) {
          qTile[(loadedPlace + half + i) * PITCH + loadedRow] = x[i];
          kTile[(loadedPlace + half + i) * PITCH + loadedRow] = y[i];
        }
      }
      workgroupBarrier();
      for (var i = 0u; i < 4 * params.four; i++) {
        let p = i * PITCH + m;
        let q = i * PITCH + n;
        products += outer(vec4f(qTile[p], qTile[p + 1], qTile[p + 2], qTile[p + 3]),
          vec4f(kTile[q], kTile[q + 1], kTile[q + 2], kTile[q + 3]));
      }
    }

    let scores = scoresOf(products, row + m, start + n, batch);
    largestTile[thread] = largestExponents(scores);
    workgroupBarrier();
    var next = largest;
    for (var i = 0u; i < 8; i++) {
      next = max(next, largestTile[thread / 8 * 8 + i]);
    }
    let factor = twoToThe(largest - next);
    largest = next;
    total *= factor;
    y0 = scaleRows(y0, factor);
    y1 = scaleRows(y1, factor);
    let weights = transpose(weightsOf(scores, largest, place * params.axes.w + row + m, start + n));
    for (var i = 0u; i < 4; i++) {
      weightTile[((n + i) * TILE + m) / 4] = weights[i];
    }

    for (var first = start; first < min(start + TILE, end); first += DEPTH) {
      workgroupBarrier();
      for (var i = thread / 8; i < DEPTH; i += 8) {
        let index = vBase + min(first + i, params.columns - 1) * params.vStrides.w;
        vTile[(i * COLUMNS + n) / 4] = loadV(index + column0);
        vTile[(i * COLUMNS + n + COLUMNS / 2) / 4] = loadV(index + column1);
      }
      workgroupBarrier();
      for (var i = 0u; i < 4 * params.four; i++) {
        var weight = weightTile[((first - start + i) * TILE + m) / 4];
        if (DROPPED) {
          total += abs(weight);
          weight = max(weight, vec4f());
        } else {
          total += weight;
        }
        y0 += outer(weight, vTile[(i * COLUMNS + n) / 4]);
        y1 += outer(weight, vTile[(i * COLUMNS + n + COLUMNS / 2) / 4]);
      }
    }
    workgroupBarrier();
  }

  for (var i = 0u; i < min(4u, max(params.axes.w, row + m) - row - m); i++) {
    // Of what is seen, NaN or infinity makes the row NaN; a row that sees nothing is 0.
    let isEmpty = bitcast<u32>(total[i]) == 0;
    let isNotANumber = bitcast<u32>(largest[i]) == INFINITE;
    let notANumber = bitcast<f32>(bitcast<u32>(total[i]) | 0x7fc00000u);
    let factor = select(select(1.0 / total[i], 0.0, isEmpty), notANumber, isNotANumber);
    let yFactor = select(factor, factor * params.keptScale, DROPPED);
    if (n == 0 && slice == 0) {
      let at = params.statisticsOffset + dot(vec4u(batch, row + m + i), params.statisticsStrides);
      statistics[at] = largest[i];
      statistics[at + 1] = factor;
    }
    let rowBegin = params.yOffset + dot(vec4u(batch, row + m + i), params.yStrides);
    for (var half = 0u; half < 2; half++) {
      var values = select(pick(y0, i), pick(y1, i), half == 1);
      let first = column + half * COLUMNS / 2;
      for (var j = first; j < min(first + 4, params.valueWidth); j++) {
        y[rowBegin + j] = values.x * yFactor;
        values = values.yzwx;
      }
    }
  }
}
