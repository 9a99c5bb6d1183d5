// attention: y = softmax(scale · Q Kᵀ + bias) V in one pass over the keys (online softmax, arXiv:1805.02867, 2205.14135).
//
// For adapters that run lanes as SIMD on a CPU. A workgroup is one subgroup and makes ROWS rows of y. As in matmul.wgsl a
// lane keeps ROWS x 4 scores in registers, those of four keys of its own, the lanes split the loading of the rows of Q
// and pass them round; then they pass round the probabilities, and each keeps four columns of y a group.
//
// Every score has one accumulator over the width, every element of y and every sum of a row one over the keys, all in
// ascending order. e^s is split into 2^n, n whole, and a factor between √½ and √2 that depends on s alone; what is added
// up is e^s / 2^N, where N is the largest n so far. When N grows, what was added up is multiplied by a power of two, which
// is exact: so the bits of a row do not depend on how keys fall into blocks, nor on keys that it does not see.
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
const LANES: u32 = 4;      // spec: the subgroup size, 4, 8 or 16
const ROWS: u32 = 4;       // rows of y a workgroup makes: 4 or 16
const GROUPS: u32 = 1;     // groups of 4 * LANES columns of y a workgroup makes: 1, 2 or 4
const MASKED = false;
const BIASED = false;
const DROPPED = false;    // dropout of probabilities
const IS_WHOLE = true;     // spec: false where Element is f32
const HELD: u32 = max(ROWS / LANES, 1); // rows a lane loads for all
const_assert ROWS <= 4 * LANES && ROWS <= 16 && ROWS % 4 == 0 && GROUPS <= 4 && GROUPS != 3;

@group(0) @binding(0) var<storage, read> q: array<Element>;
@group(0) @binding(1) var<storage, read> k: array<Element>;
@group(0) @binding(2) var<storage, read> v: array<Element>;
@group(0) @binding(3) var<storage, read> mask: array<u32>; // 0 hides
@group(0) @binding(4) var<storage, read> bias: array<f32>;
@group(0) @binding(5) var<storage, read_write> y: array<f32>;
@group(0) @binding(6) var<storage, read_write> statistics: array<f32>; // [batch, rows, 2]: N, and 2^N over the sum of e^s
@group(1) @binding(0) var<uniform> params: Params;

// Four elements from `i` on. spec: return vec4f(q[i], q[i + 1], q[i + 2], q[i + 3]);
fn loadQ(i: u32) -> vec4f { return q[i / 4]; }
fn loadK(i: u32) -> vec4f { return k[i / 4]; }
fn loadV(i: u32) -> vec4f { return v[i / 4]; }

// What the given lane holds. spec: return subgroupShuffle(x, lane);
fn fromLane(x: vec4f, lane: u32) -> vec4f { return x; }

// e^r for |r| < 0.36. spec: the library's
fn nearOne(r: vec4f) -> vec4f { return exp(r); }

// Which of four scores dropout keeps, by their places in [batch, queries, keys]. spec: the library's
fn keeps(i: vec4u) -> vec4<bool> { return vec4(true); }

const LOWEST = -3.4028234e38f;
const INFINITE = 0x7f800000u;
const HIDDEN = 0xff800000u; // -infinity

fn outer(x: vec4f, y: vec4f) -> mat4x4f { return mat4x4f(x.x * y, x.y * y, x.z * y, x.w * y); }

// tile[i] is a row: four rows, four columns, four terms in ascending order.
fn update(tile: mat4x4f, x: mat4x4f, y: mat4x4f) -> mat4x4f {
  return (((tile + outer(x[0], y[0])) + outer(x[1], y[1])) + outer(x[2], y[2])) + outer(x[3], y[3]);
}

fn pick(tile: mat4x4f, i: u32) -> vec4f {
  return select(select(tile[0], tile[1], i == 1), select(tile[2], tile[3], i == 3), i > 1);
}

// Rows 4 * block to 4 * block + 3 at four places of the width; row r is held by lane r % LANES in one of its last vectors.
fn rowsAtEachPlace(held: mat4x4f, block: u32) -> mat4x4f {
  return transpose(mat4x4f(heldRow(held, 4 * block), heldRow(held, 4 * block + 1), heldRow(held, 4 * block + 2),
    heldRow(held, 4 * block + 3)));
}

fn heldRow(held: mat4x4f, r: u32) -> vec4f {
  return fromLane(held[min(4 - HELD + r / LANES, 3)], r % LANES);
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

// Scores of four rows and a lane's four keys, from products; -infinity where hidden, and infinity for NaN, which a maximum
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

// The largest n of each of four rows among the scores of all lanes, and N.
fn largestExponents(scores: mat4x4f, largest: vec4f, lane: u32) -> vec4f {
  var found = largest;
  for (var i = 0u; i < 4; i++) {
    let n = select(exponentOf(scores[i]), vec4f(LOWEST), isHidden(scores[i]));
    found[i] = max(found[i], max(max(n.x, n.y), max(n.z, n.w)));
  }
  for (var bit = 1u; bit < LANES; bit *= 2) {
    found = max(found, fromLane(found, lane ^ bit));
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

// Four rows' weights for the four keys of one lane, at each key.
fn weightsAtEachKey(weights: mat4x4f, lane: u32) -> mat4x4f {
  return transpose(mat4x4f(
    fromLane(weights[0], lane), fromLane(weights[1], lane), fromLane(weights[2], lane), fromLane(weights[3], lane),
  ));
}

// Four values' columns.
fn valuesOf(base: u32, first: u32, column: u32) -> mat4x4f {
  var values: mat4x4f;
  for (var i = 0u; i < params.four; i++) {
    let index = base + min(first + i, params.columns - 1) * params.vStrides.w;
    values = mat4x4f(values[1], values[2], values[3], loadV(index + column));
  }
  return values;
}

fn addEach(total: vec4f, x: mat4x4f) -> vec4f {
  if (DROPPED) {
    return (((total + abs(x[0])) + abs(x[1])) + abs(x[2])) + abs(x[3]);
  }
  return (((total + x[0]) + x[1]) + x[2]) + x[3];
}

fn keptOf(x: mat4x4f) -> mat4x4f {
  if (DROPPED) {
    return mat4x4f(max(x[0], vec4f()), max(x[1], vec4f()), max(x[2], vec4f()), max(x[3], vec4f()));
  }
  return x;
}

@compute @workgroup_size(LANES)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let workgroup = group.y * groups.x + group.x;
  if (workgroup >= params.workgroups) {
    return;
  }
  let slice = workgroup % params.slices;
  let row = workgroup / params.slices % params.rowTiles * ROWS;
  let place = workgroup / params.slices / params.rowTiles;
  let batch = vec3u(place / params.axes.z / params.axes.y, place / params.axes.z % params.axes.y, place % params.axes.z);

  var qRows = vec4u(rowIndex(batch, row + lane), rowIndex(batch, row + lane + 1 % HELD * LANES),
    rowIndex(batch, row + lane + 2 % HELD * LANES), rowIndex(batch, row + lane + 3 % HELD * LANES));
  let vBase = params.vOffset + dot(vec4u(batch, 0), params.vStrides);
  let column = (slice * GROUPS * LANES + lane) * 4;
  let columnLimit = (params.valueWidth - 1) / 4 * 4;
  let column0 = min(column, columnLimit);
  let column1 = min(column + 4 * LANES, columnLimit);
  let column2 = min(column + 8 * LANES, columnLimit);
  let column3 = min(column + 12 * LANES, columnLimit);

  var y00 = mat4x4f(); // rows 0 to 3, first group of columns
  var y01 = mat4x4f();
  var y10 = mat4x4f();
  var y11 = mat4x4f();
  var y20 = mat4x4f();
  var y21 = mat4x4f();
  var y30 = mat4x4f();
  var y31 = mat4x4f();
  var y02 = mat4x4f(); // with four groups
  var y03 = mat4x4f();
  var y12 = mat4x4f();
  var y13 = mat4x4f();
  var y22 = mat4x4f();
  var y23 = mat4x4f();
  var y32 = mat4x4f();
  var y33 = mat4x4f();
  var largest0 = vec4f(LOWEST); // N of each row
  var largest1 = vec4f(LOWEST);
  var largest2 = vec4f(LOWEST);
  var largest3 = vec4f(LOWEST);
  var factor0: vec4f; // 2^(N before - N)
  var factor1: vec4f;
  var factor2: vec4f;
  var factor3: vec4f;
  var total0 = vec4f(); // sum of e^s / 2^N
  var total1 = vec4f();
  var total2 = vec4f();
  var total3 = vec4f();

  let lastRow = i32(min(row + ROWS, params.axes.w)) - 1;
  let end = u32(clamp(params.reach + params.step * lastRow, 0, i32(params.columns)));
  for (var start = 0u; start < end; start += 4 * LANES) {
    let key = start + 4 * lane;
    var kRows = vec4u(keyIndex(batch, key), keyIndex(batch, key + 1), keyIndex(batch, key + 2), keyIndex(batch, key + 3));
    var tile0 = mat4x4f();
    var tile1 = mat4x4f();
    var tile2 = mat4x4f();
    var tile3 = mat4x4f();
    for (var c = 0u; c < params.width; c += 4) {
      var keys: mat4x4f;
      var held: mat4x4f;
      for (var i = 0u; i < params.four; i++) {
        keys = mat4x4f(keys[1], keys[2], keys[3], within(loadK(kRows.x + c), c));
        kRows = kRows.yzwx;
      }
      keys = transpose(keys);
      for (var i = 0u; i < params.four; i += 4 / HELD) {
        held = mat4x4f(held[1], held[2], held[3], within(loadQ(qRows.x + c), c));
        qRows = qRows.yzwx;
      }
      tile0 = update(tile0, rowsAtEachPlace(held, 0), keys);
      if (ROWS > 4) {
        tile1 = update(tile1, rowsAtEachPlace(held, 1), keys);
        tile2 = update(tile2, rowsAtEachPlace(held, 2), keys);
        tile3 = update(tile3, rowsAtEachPlace(held, 3), keys);
      }
    }

    // From products to weights, four rows a round, as the others move up: unrolled, this would take longest to compile.
    for (var r = 0u; r < ROWS; r += 4) {
      let scores = scoresOf(tile0, row + r, key, batch);
      let next = largestExponents(scores, largest0, lane);
      let factor = twoToThe(largest0 - next);
      let weights = weightsOf(scores, next, place * params.axes.w + row + r, key);
      tile0 = tile1;
      tile1 = tile2;
      tile2 = tile3;
      tile3 = weights;
      largest0 = largest1;
      largest1 = largest2;
      largest2 = largest3;
      largest3 = next;
      factor0 = factor1;
      factor1 = factor2;
      factor2 = factor3;
      factor3 = factor;
    }
    if (ROWS == 4) {
      tile0 = tile3;
      largest0 = largest3;
      factor0 = factor3;
    }
    total0 *= factor0;
    y00 = scaleRows(y00, factor0);
    y01 = scaleRows(y01, factor0);
    if (ROWS > 4) {
      total1 *= factor1;
      y10 = scaleRows(y10, factor1);
      y11 = scaleRows(y11, factor1);
      total2 *= factor2;
      total3 *= factor3;
      y20 = scaleRows(y20, factor2);
      y21 = scaleRows(y21, factor2);
      y30 = scaleRows(y30, factor3);
      y31 = scaleRows(y31, factor3);
    }
    if (GROUPS > 2) {
      y02 = scaleRows(y02, factor0);
      y03 = scaleRows(y03, factor0);
      if (ROWS > 4) {
        y12 = scaleRows(y12, factor1);
        y13 = scaleRows(y13, factor1);
        y22 = scaleRows(y22, factor2);
        y23 = scaleRows(y23, factor2);
        y32 = scaleRows(y32, factor3);
        y33 = scaleRows(y33, factor3);
      }
    }

    // A loop for each group of columns: one for both would take twice as long to compile.
    for (var owner = 0u; owner < LANES && start + 4 * owner < end; owner++) {
      let values = valuesOf(vBase, start + 4 * owner, column0);
      var weights = weightsAtEachKey(tile0, owner);
      total0 = addEach(total0, weights);
      y00 = update(y00, keptOf(weights), values);
      if (ROWS > 4) {
        weights = weightsAtEachKey(tile1, owner);
        total1 = addEach(total1, weights);
        y10 = update(y10, keptOf(weights), values);
        weights = weightsAtEachKey(tile2, owner);
        total2 = addEach(total2, weights);
        y20 = update(y20, keptOf(weights), values);
        weights = weightsAtEachKey(tile3, owner);
        total3 = addEach(total3, weights);
        y30 = update(y30, keptOf(weights), values);
      }
    }
    if (GROUPS > 1) {
      for (var owner = 0u; owner < LANES && start + 4 * owner < end; owner++) {
        let values = valuesOf(vBase, start + 4 * owner, column1);
        var weights = weightsAtEachKey(tile0, owner);
        y01 = update(y01, keptOf(weights), values);
        if (ROWS > 4) {
          weights = weightsAtEachKey(tile1, owner);
          y11 = update(y11, keptOf(weights), values);
          weights = weightsAtEachKey(tile2, owner);
          y21 = update(y21, keptOf(weights), values);
          weights = weightsAtEachKey(tile3, owner);
          y31 = update(y31, keptOf(weights), values);
        }
      }
    }
    if (GROUPS > 2) {
      for (var owner = 0u; owner < LANES && start + 4 * owner < end; owner++) {
        let values = valuesOf(vBase, start + 4 * owner, column2);
        var weights = weightsAtEachKey(tile0, owner);
        y02 = update(y02, keptOf(weights), values);
        if (ROWS > 4) {
          weights = weightsAtEachKey(tile1, owner);
          y12 = update(y12, keptOf(weights), values);
          weights = weightsAtEachKey(tile2, owner);
          y22 = update(y22, keptOf(weights), values);
          weights = weightsAtEachKey(tile3, owner);
          y32 = update(y32, keptOf(weights), values);
        }
      }
    }
    if (GROUPS > 2) {
      for (var owner = 0u; owner < LANES && start + 4 * owner < end; owner++) {
        let values = valuesOf(vBase, start + 4 * owner, column3);
        var weights = weightsAtEachKey(tile0, owner);
        y03 = update(y03, keptOf(weights), values);
        if (ROWS > 4) {
          weights = weightsAtEachKey(tile1, owner);
          y13 = update(y13, keptOf(weights), values);
          weights = weightsAtEachKey(tile2, owner);
          y23 = update(y23, keptOf(weights), values);
          weights = weightsAtEachKey(tile3, owner);
          y33 = update(y33, keptOf(weights), values);
        }
      }
    }
  }

  // One store in loops whose ends the compiler cannot know: unrolled, the stores would take longest to compile.
  let rowEnd = min(row + ROWS, params.axes.w);
  for (var m = row; m < rowEnd; m++) {
    let i = (m - row) % 4;
    let block = (m - row) / 4;
    let largest = select(select(largest0[i], largest1[i], block == 1), select(largest2[i], largest3[i], block == 3), block > 1);
    let total = select(select(total0[i], total1[i], block == 1), select(total2[i], total3[i], block == 3), block > 1);
    // Of what is seen, NaN or infinity makes the row NaN; a row that sees nothing is 0.
    let isEmpty = bitcast<u32>(total) == 0;
    let isNotANumber = bitcast<u32>(largest) == INFINITE;
    let notANumber = bitcast<f32>(bitcast<u32>(total) | 0x7fc00000u);
    let factor = select(select(1.0 / total, 0.0, isEmpty), notANumber, isNotANumber);
    let yFactor = select(factor, factor * params.keptScale, DROPPED);
    if (lane == 0 && slice == 0) {
      let at = params.statisticsOffset + dot(vec4u(batch, m), params.statisticsStrides);
      statistics[at] = largest;
      statistics[at + 1] = factor;
    }
    let rowBegin = params.yOffset + dot(vec4u(batch, m), params.yStrides);
    for (var g = 0u; g < GROUPS; g++) {
      var values = select(pick(y00, i), pick(y10, i), block == 1);
      values = select(values, select(pick(y20, i), pick(y30, i), block == 3), block > 1);
      if (g == 1) {
        values = select(pick(y01, i), pick(y11, i), block == 1);
        values = select(values, select(pick(y21, i), pick(y31, i), block == 3), block > 1);
      }
      if (GROUPS > 2 && g == 2) {
        values = select(pick(y02, i), pick(y12, i), block == 1);
        values = select(values, select(pick(y22, i), pick(y32, i), block == 3), block > 1);
      }
      if (GROUPS > 2 && g == 3) {
        values = select(pick(y03, i), pick(y13, i), block == 1);
        values = select(values, select(pick(y23, i), pick(y33, i), block == 3), block > 1);
      }
      let first = column + g * 4 * LANES;
      let columnEnd = min(first + 4, params.valueWidth);
      for (var n = first; n < columnEnd; n++) {
        y[rowBegin + n] = values.x * yFactor;
        values = values.yzwx;
      }
    }
  }
}
