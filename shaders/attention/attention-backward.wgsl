// Gradients of attention, from recomputed scores: P = softmax(S), S = scale · Q Kᵀ + bias, and dS = P (dP - D), where
// dP = dY Vᵀ and D is the dot product of a row of dY with the same row of y.
//   over queries:  dQ = scale · dS K
//   over keys:     dK = scale · dSᵀ Q and dV = Pᵀ dY, added up over the groups of queries that share the keys
// Here x and y are what belongs to the rows that are made (Q and dY; or K and V), u and v what belongs to all others (K and
// V; or Q and dY): S and dP are products of x with u and of y with v, and results those of dS with u and of P with v.
//
// Registers, lanes and order of summation as in attention.wgsl: one accumulator an element over the other rows in
// ascending order, group after group, so that what is hidden adds zeros wherever it lies.
//
// Grid: linear; column slices of the results, then tiles of rows, then batches.

struct Params {
  axes: vec4<u32>, // lengths of the batch axes, three, and of the rows
  xStrides: vec4<u32>, // along these, in elements as all strides and offsets
  yStrides: vec4<u32>,
  uStrides: vec4<u32>, // the last one along the other rows
  vStrides: vec4<u32>,
  maskStrides: vec4<u32>,
  biasStrides: vec4<u32>,
  statisticsStrides: vec4<u32>, // the last one along the queries
  firstStrides: vec4<u32>, // of dQ or dK
  secondStrides: vec4<u32>, // of dV
  columns: u32, // the other rows
  groups: u32, // of the others that are added up
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
  firstPlace: u32, // where results begin behind their common offset
  secondPlace: u32,
  xOffset: u32,
  yOffset: u32,
  uOffset: u32,
  vOffset: u32,
  maskOffset: u32,
  biasOffset: u32,
  statisticsOffset: u32,
  resultsOffset: u32,
}

alias Element = vec4<f32>; // spec: f32, when a width, an offset or a stride is no multiple of 4
const LANES: u32 = 4;      // spec: the subgroup size, 4 or 16
const ROWS: u32 = 4;       // rows a workgroup makes: 4 or 16
const GROUPS: u32 = 1;     // groups of 4 * LANES columns a workgroup makes: 1 or 2
const OVER_KEYS = false;
const MASKED = false;
const BIASED = false;
const DROPPED = false;    // dropout of probabilities
const IS_WHOLE = true;     // spec: false where Element is f32
const HELD: u32 = max(ROWS / LANES, 1); // rows a lane loads for all
const_assert ROWS <= 4 * LANES && (ROWS == 4 || ROWS == 16) && GROUPS <= 2;

@group(0) @binding(0) var<storage, read> x: array<Element>;
@group(0) @binding(1) var<storage, read> y: array<Element>;
@group(0) @binding(2) var<storage, read> u: array<Element>;
@group(0) @binding(3) var<storage, read> v: array<Element>;
@group(0) @binding(4) var<storage, read> mask: array<u32>; // 0 hides
@group(0) @binding(5) var<storage, read> bias: array<f32>;
@group(0) @binding(6) var<storage, read> statistics: array<vec4<f32>>; // of queries: N, 2^N over the sum of e^s, D
@group(0) @binding(7) var<storage, read_write> results: array<f32>;
@group(1) @binding(0) var<uniform> params: Params;

// Four elements from `i` on. spec: return vec4f(x[i], x[i + 1], x[i + 2], x[i + 3]);
fn loadX(i: u32) -> vec4f { return x[i / 4]; }
fn loadY(i: u32) -> vec4f { return y[i / 4]; }
fn loadU(i: u32) -> vec4f { return u[i / 4]; }
fn loadV(i: u32) -> vec4f { return v[i / 4]; }

// What the given lane holds. spec: return subgroupShuffle(x, lane);
fn fromLane(x: vec4f, lane: u32) -> vec4f { return x; }

// e^r for |r| < 0.36. spec: the library's
fn nearOne(r: vec4f) -> vec4f { return exp(r); }

// Which of four scores dropout keeps, by their places in [batch, queries, keys]. spec: the library's
fn keeps(i: vec4u) -> vec4<bool> { return vec4(true); }

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

fn pickOf(a: mat4x4f, b: mat4x4f, c: mat4x4f, d: mat4x4f, block: u32, i: u32) -> vec4f {
  return select(select(pick(a, i), pick(b, i), block == 1), select(pick(c, i), pick(d, i), block == 3), block > 1);
}

// Rows 4 * block to 4 * block + 3 at four places of the width; row r is held by lane r % LANES in one of its last vectors.
fn rowsAtEachPlace(held: mat4x4f, block: u32) -> mat4x4f {
  return transpose(mat4x4f(heldRow(held, 4 * block), heldRow(held, 4 * block + 1), heldRow(held, 4 * block + 2),
    heldRow(held, 4 * block + 3)));
}

fn heldRow(held: mat4x4f, r: u32) -> vec4f {
  return fromLane(held[min(4 - HELD + r / LANES, 3)], r % LANES);
}

// Zeros behind the end of a row.
fn within(v: vec4f, c: u32, width: u32) -> vec4f {
  return select(vec4f(), v, vec4(IS_WHOLE) | (c + vec4u(0, 1, 2, 3) < vec4u(width)));
}

// The whole n of e^s = 2^n e^r.
fn exponentOf(score: vec4f) -> vec4f {
  return max(round(score * 1.44269504), vec4f(-3e38));
}

// 2^n for whole n up to 127; 0 below -126.
fn twoToThe(n: vec4f) -> vec4f {
  return bitcast<vec4f>(vec4u(vec4i(max(n, vec4f(-127.0))) + 127) << vec4u(23));
}

// Four rows' numbers for the four others of one lane, at each of these.
fn atEachOther(weights: mat4x4f, lane: u32) -> mat4x4f {
  return transpose(mat4x4f(
    fromLane(weights[0], lane), fromLane(weights[1], lane), fromLane(weights[2], lane), fromLane(weights[3], lane),
  ));
}

// P and dS of four rows and a lane's four others.
struct Weights {
  p: mat4x4f,
  ds: mat4x4f,
}

fn weightsOf(products: mat4x4f, gradients: mat4x4f, row: u32, column: u32, batch: vec3u, other: vec3u) -> Weights {
  let columns = column + vec4u(0, 1, 2, 3);
  let safe = min(columns, vec4u(params.columns - 1));
  var largest: vec4f; // N
  var factor: vec4f;
  var dots: vec4f;
  if (OVER_KEYS) {
    for (var i = 0u; i < params.four; i++) {
      let place = min(column + i, params.columns - 1);
      let own = statistics[(params.statisticsOffset + dot(vec4u(other, place), params.statisticsStrides)) / 4];
      largest = vec4f(largest.yzw, own.x);
      factor = vec4f(factor.yzw, own.y);
      dots = vec4f(dots.yzw, own.z);
    }
  }
  var weights = Weights(products, gradients); // row by row from the front, as the others move up
  for (var i = 0u; i < params.four; i++) {
    let own = min(row + i, params.axes.w - 1);
    var score = params.scale * weights.p[0];
    if (BIASED) {
      let at = params.biasOffset + dot(vec4u(other, own), params.biasStrides) + safe * params.biasColumn;
      score += vec4f(bias[at.x], bias[at.y], bias[at.z], bias[at.w]);
    }
    var isSeen = (columns < vec4u(params.columns)) & (bitcast<vec4u>(score) != vec4u(HIDDEN));
    if (OVER_KEYS) {
      isSeen &= vec4i(i32(own)) < params.reach + params.step * vec4i(columns);
    } else {
      isSeen &= vec4i(columns) < vec4i(params.reach + params.step * i32(own));
      let all = statistics[(params.statisticsOffset + dot(vec4u(batch, own), params.statisticsStrides)) / 4];
      largest = vec4f(all.x);
      factor = vec4f(all.y);
      dots = vec4f(all.z);
    }
    if (MASKED) {
      let at = params.maskOffset + dot(vec4u(other, own), params.maskStrides) + safe * params.maskColumn;
      isSeen &= vec4u(mask[at.x], mask[at.y], mask[at.z], mask[at.w]) != vec4u();
    }
    let n = exponentOf(score);
    let r = (score - n * 0.693359375) - n * -2.12194440e-4;
    let p = nearOne(clamp(r, vec4f(-0.36), vec4f(0.36))) * twoToThe(n - largest) * factor;
    var kept = p;
    var dp = weights.ds[0];
    if (DROPPED) {
      // The place of a score in [batch, queries, keys].
      var at = (((batch.x * params.axes.y + batch.y) * params.axes.z + batch.z) * params.axes.w + own) * params.columns + columns;
      if (OVER_KEYS) {
        at = (((other.x * params.axes.y + other.y) * params.groups + other.z) * params.columns + columns) * params.axes.w + own;
      }
      let factor = select(vec4f(), vec4f(params.keptScale), keeps(at));
      kept *= factor;
      dp *= factor;
    }
    let ds = p * (dp - dots);
    weights.p = mat4x4f(weights.p[1], weights.p[2], weights.p[3], select(vec4f(), kept, isSeen));
    weights.ds = mat4x4f(weights.ds[1], weights.ds[2], weights.ds[3], select(vec4f(), ds, isSeen));
  }
  return weights;
}

// Four columns of four others.
fn uColumns(base: u32, first: u32, column: u32) -> mat4x4f {
  var found: mat4x4f;
  for (var i = 0u; i < params.four; i++) {
    let index = base + min(first + i, params.columns - 1) * params.uStrides.w;
    found = mat4x4f(found[1], found[2], found[3], loadU(index + column));
  }
  return found;
}

fn vColumns(base: u32, first: u32, column: u32) -> mat4x4f {
  var found: mat4x4f;
  for (var i = 0u; i < params.four; i++) {
    let index = base + min(first + i, params.columns - 1) * params.vStrides.w;
    found = mat4x4f(found[1], found[2], found[3], loadV(index + column));
  }
  return found;
}

@compute @workgroup_size(LANES)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let workgroup = group.y * groups.x + group.x;
  let wide = select(params.width, max(params.width, params.valueWidth), OVER_KEYS);
  let slices = (wide + 4 * LANES * GROUPS - 1) / (4 * LANES * GROUPS);
  let rowTiles = (params.axes.w + ROWS - 1) / ROWS;
  let slice = workgroup % slices;
  let row = workgroup / slices % rowTiles * ROWS;
  let place = workgroup / slices / rowTiles;
  if (place >= params.axes.x * params.axes.y * params.axes.z) {
    return;
  }
  let batch = vec3u(place / params.axes.z / params.axes.y, place / params.axes.z % params.axes.y, place % params.axes.z);

  // The rows that this lane loads for all.
  var xRows: vec4u;
  var yRows: vec4u;
  for (var i = 0u; i < 4; i++) {
    let own = vec4u(batch, min(row + lane + i % HELD * LANES, params.axes.w - 1));
    xRows[i] = params.xOffset + dot(own, params.xStrides);
    yRows[i] = params.yOffset + dot(own, params.yStrides);
  }
  let column = (slice * GROUPS * LANES + lane) * 4;
  let uColumn0 = min(column, (params.width - 1) / 4 * 4);
  let uColumn1 = min(column + 4 * LANES, (params.width - 1) / 4 * 4);
  let vColumn0 = min(column, (params.valueWidth - 1) / 4 * 4);
  let vColumn1 = min(column + 4 * LANES, (params.valueWidth - 1) / 4 * 4);

  var first00 = mat4x4f(); // dQ or dK: rows 0 to 3, first group of columns
  var first01 = mat4x4f();
  var first10 = mat4x4f();
  var first11 = mat4x4f();
  var first20 = mat4x4f();
  var first21 = mat4x4f();
  var first30 = mat4x4f();
  var first31 = mat4x4f();
  var second00 = mat4x4f(); // dV
  var second01 = mat4x4f();
  var second10 = mat4x4f();
  var second11 = mat4x4f();
  var second20 = mat4x4f();
  var second21 = mat4x4f();
  var second30 = mat4x4f();
  var second31 = mat4x4f();

  // The others that see or are seen by any of the rows.
  let lastRow = i32(min(row + ROWS, params.axes.w)) - 1;
  var begin = 0u;
  var end = params.columns;
  if (OVER_KEYS) {
    begin = u32(clamp(params.step * (i32(row) + 1 - params.reach), 0, i32(params.columns)));
  } else {
    end = u32(clamp(params.reach + params.step * lastRow, 0, i32(params.columns)));
  }
  for (var g = 0u; g < params.groups; g++) {
    let other = batch + vec3u(0, 0, g);
    let uBase = params.uOffset + dot(vec4u(other, 0), params.uStrides);
    let vBase = params.vOffset + dot(vec4u(other, 0), params.vStrides);
    for (var start = begin; start < end; start += 4 * LANES) {
      let own = min(vec4u(start + 4 * lane) + vec4u(0, 1, 2, 3), vec4u(params.columns - 1));
      var uRows = uBase + own * params.uStrides.w;
      var vRows = vBase + own * params.vStrides.w;
      var tile0 = mat4x4f(); // x · u
      var tile1 = mat4x4f();
      var tile2 = mat4x4f();
      var tile3 = mat4x4f();
      for (var c = 0u; c < params.width; c += 4) {
        var others: mat4x4f;
        for (var i = 0u; i < params.four; i++) {
          others = mat4x4f(others[1], others[2], others[3], within(loadU(uRows.x + c), c, params.width));
          uRows = uRows.yzwx;
        }
        others = transpose(others);
        var held: mat4x4f;
        for (var i = 0u; i < params.four; i += 4 / HELD) {
          held = mat4x4f(held[1], held[2], held[3], within(loadX(xRows.x + c), c, params.width));
          xRows = xRows.yzwx;
        }
        tile0 = update(tile0, rowsAtEachPlace(held, 0), others);
        if (ROWS > 4) {
          tile1 = update(tile1, rowsAtEachPlace(held, 1), others);
          tile2 = update(tile2, rowsAtEachPlace(held, 2), others);
          tile3 = update(tile3, rowsAtEachPlace(held, 3), others);
        }
      }
      var dp0 = mat4x4f(); // y · v
      var dp1 = mat4x4f();
      var dp2 = mat4x4f();
      var dp3 = mat4x4f();
      for (var c = 0u; c < params.valueWidth; c += 4) {
        var others: mat4x4f;
        for (var i = 0u; i < params.four; i++) {
          others = mat4x4f(others[1], others[2], others[3], within(loadV(vRows.x + c), c, params.valueWidth));
          vRows = vRows.yzwx;
        }
        others = transpose(others);
        var held: mat4x4f;
        for (var i = 0u; i < params.four; i += 4 / HELD) {
          held = mat4x4f(held[1], held[2], held[3], within(loadY(yRows.x + c), c, params.valueWidth));
          yRows = yRows.yzwx;
        }
        dp0 = update(dp0, rowsAtEachPlace(held, 0), others);
        if (ROWS > 4) {
          dp1 = update(dp1, rowsAtEachPlace(held, 1), others);
          dp2 = update(dp2, rowsAtEachPlace(held, 2), others);
          dp3 = update(dp3, rowsAtEachPlace(held, 3), others);
        }
      }

      // From products to P and dS, four rows a round, as the others move up: unrolled, this would take longest to compile.
      for (var r = 0u; r < ROWS; r += 4) {
        let weights = weightsOf(tile0, dp0, row + r, start + 4 * lane, batch, other);
        tile0 = tile1;
        tile1 = tile2;
        tile2 = tile3;
        tile3 = weights.p;
        dp0 = dp1;
        dp1 = dp2;
        dp2 = dp3;
        dp3 = weights.ds;
      }
      if (ROWS == 4) {
        tile0 = tile3;
        dp0 = dp3;
      }

      // A loop for each group of columns: one for both would take twice as long to compile.
      for (var owner = 0u; owner < LANES && start + 4 * owner < end; owner++) {
        let us = uColumns(uBase, start + 4 * owner, uColumn0);
        first00 = update(first00, atEachOther(dp0, owner), us);
        if (ROWS > 4) {
          first10 = update(first10, atEachOther(dp1, owner), us);
          first20 = update(first20, atEachOther(dp2, owner), us);
          first30 = update(first30, atEachOther(dp3, owner), us);
        }
      }
      if (GROUPS > 1) {
        for (var owner = 0u; owner < LANES && start + 4 * owner < end; owner++) {
          let us = uColumns(uBase, start + 4 * owner, uColumn1);
          first01 = update(first01, atEachOther(dp0, owner), us);
          if (ROWS > 4) {
            first11 = update(first11, atEachOther(dp1, owner), us);
            first21 = update(first21, atEachOther(dp2, owner), us);
            first31 = update(first31, atEachOther(dp3, owner), us);
          }
        }
      }
      if (OVER_KEYS) {
        for (var owner = 0u; owner < LANES && start + 4 * owner < end; owner++) {
          let vs = vColumns(vBase, start + 4 * owner, vColumn0);
          second00 = update(second00, atEachOther(tile0, owner), vs);
          if (ROWS > 4) {
            second10 = update(second10, atEachOther(tile1, owner), vs);
            second20 = update(second20, atEachOther(tile2, owner), vs);
            second30 = update(second30, atEachOther(tile3, owner), vs);
          }
        }
      }
      if (OVER_KEYS && GROUPS > 1) {
        for (var owner = 0u; owner < LANES && start + 4 * owner < end; owner++) {
          let vs = vColumns(vBase, start + 4 * owner, vColumn1);
          second01 = update(second01, atEachOther(tile0, owner), vs);
          if (ROWS > 4) {
            second11 = update(second11, atEachOther(tile1, owner), vs);
            second21 = update(second21, atEachOther(tile2, owner), vs);
            second31 = update(second31, atEachOther(tile3, owner), vs);
          }
        }
      }
    }
  }

  // One store in loops whose ends the compiler cannot know: unrolled, the stores would take longest to compile.
  let rowEnd = min(row + ROWS, params.axes.w);
  for (var m = row; m < rowEnd; m++) {
    let i = (m - row) % 4;
    let block = (m - row) / 4;
    for (var g = 0u; g < GROUPS; g++) {
      var values = params.scale * pickOf(first00, first10, first20, first30, block, i);
      if (g == 1) {
        values = params.scale * pickOf(first01, first11, first21, first31, block, i);
      }
      var start = params.resultsOffset + params.firstPlace + dot(vec4u(batch, m), params.firstStrides);
      var width = params.width;
      for (var which = 0; which < select(1, 2, OVER_KEYS); which++) {
        let first = column + g * 4 * LANES;
        let columnEnd = min(first + 4, width);
        for (var n = first; n < columnEnd; n++) {
          results[start + n] = values.x;
          values = values.yzwx;
        }
        if (OVER_KEYS) {
          values = pickOf(second00, second10, second20, second30, block, i);
          if (g == 1) {
            values = pickOf(second01, second11, second21, second31, block, i);
          }
        }
        start = params.resultsOffset + params.secondPlace + dot(vec4u(batch, m), params.secondStrides);
        width = params.valueWidth;
      }
    }
  }
}
