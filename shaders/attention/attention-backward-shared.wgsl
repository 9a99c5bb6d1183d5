// Gradients of attention, as attention-backward.wgsl makes them: same bindings, parameters, arithmetic and order of
// summation, so the same bits.
//
// For GPUs, and wherever subgroups have no fixed size. A workgroup of 8 x 8 threads makes 32 rows of the results, 64 columns
// wide, and takes 32 of the other rows at a time: a thread has 4 x 4 products, whose operands pass through workgroup memory,
// 16 places of the width a round; P and dS lie there for all when results are added up, 16 of the other rows a round.
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
const OVER_KEYS = false;
const MASKED = false;
const BIASED = false;
const DROPPED = false;    // dropout of probabilities
const IS_WHOLE = true;     // spec: false where Element is f32
const TILE: u32 = 32;      // rows a workgroup makes, and others it takes at a time
const DEPTH: u32 = 16;     // places of the width, or others, in workgroup memory at a time
const COLUMNS: u32 = 64;   // of the results a workgroup makes
const PITCH: u32 = TILE + 4; // keeps the transposing writes off one bank
const OTHERS: u32 = DEPTH * PITCH; // where the operands of the others begin
const_assert DEPTH * COLUMNS <= 2 * DEPTH * PITCH;

@group(0) @binding(0) var<storage, read> x: array<Element>;
@group(0) @binding(1) var<storage, read> y: array<Element>;
@group(0) @binding(2) var<storage, read> u: array<Element>;
@group(0) @binding(3) var<storage, read> v: array<Element>;
@group(0) @binding(4) var<storage, read> mask: array<u32>; // 0 hides
@group(0) @binding(5) var<storage, read> bias: array<f32>;
@group(0) @binding(6) var<storage, read> statistics: array<vec4<f32>>; // of queries: N, 2^N over the sum of e^s, D
@group(0) @binding(7) var<storage, read_write> results: array<f32>;
@group(1) @binding(0) var<uniform> params: Params;

// [place of the width, row], then [place of the width, other]; or [other, column]
var<workgroup> operands: array<f32, 2 * DEPTH * PITCH>;
var<workgroup> pTile: array<vec4f, TILE * TILE / 4>; // [other, row]
var<workgroup> dsTile: array<vec4f, TILE * TILE / 4>; // likewise

// Four elements from `i` on. spec: return vec4f(x[i], x[i + 1], x[i + 2], x[i + 3]);
fn loadX(i: u32) -> vec4f { return x[i / 4]; }
fn loadY(i: u32) -> vec4f { return y[i / 4]; }
fn loadU(i: u32) -> vec4f { return u[i / 4]; }
fn loadV(i: u32) -> vec4f { return v[i / 4]; }

// e^r for |r| < 0.36. spec: the library's
fn nearOne(r: vec4f) -> vec4f { return exp(r); }

// Which of four scores dropout keeps, by their places in [batch, queries, keys]. spec: the library's
fn keeps(i: vec4u) -> vec4<bool> { return vec4(true); }

const INFINITE = 0x7f800000u;
const HIDDEN = 0xff800000u; // -infinity

fn outer(x: vec4f, y: vec4f) -> mat4x4f { return mat4x4f(x.x * y, x.y * y, x.z * y, x.w * y); }

fn pick(tile: mat4x4f, i: u32) -> vec4f {
  return select(select(tile[0], tile[1], i == 1), select(tile[2], tile[3], i == 3), i > 1);
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

// P and dS of four rows and a thread's four others.
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

fn operand(i: u32) -> vec4f {
  return vec4f(operands[i], operands[i + 1], operands[i + 2], operands[i + 3]);
}

// Products of four rows and four others over the places in workgroup memory.
fn addProducts(products: mat4x4f, m: u32, n: u32) -> mat4x4f {
  var added = products;
  for (var i = 0u; i < 4 * params.four; i++) {
    added += outer(operand(i * PITCH + m), operand(OTHERS + i * PITCH + n));
  }
  return added;
}

// Four places of a row and of one of the others, stored across.
fn keepPlaces(x: vec4f, u: vec4f, place: u32, row: u32) {
  var a = x;
  var b = u;
  for (var i = place * PITCH + row; i < (place + params.four) * PITCH; i += PITCH) {
    operands[i] = a.x;
    operands[OTHERS + i] = b.x;
    a = a.yzwx;
    b = b.yzwx;
  }
}

// Four columns of one of the others.
fn keepColumns(v: vec4f, at: u32) {
  var values = v;
  for (var i = at; i < at + params.four; i++) {
    operands[i] = values.x;
    values = values.yzwx;
  }
}

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) thread: u32,
) {
  let workgroup = group.y * groups.x + group.x;
  let wide = select(params.width, max(params.width, params.valueWidth), OVER_KEYS);
  let slices = (wide + COLUMNS - 1) / (COLUMNS);
  let rowTiles = (params.axes.w + TILE - 1) / TILE;
  let slice = workgroup % slices;
  let row = workgroup / slices % rowTiles * TILE;
  let place = workgroup / slices / rowTiles;
  if (place >= params.axes.x * params.axes.y * params.axes.z) {
    return;
  }
  let batch = vec3u(place / params.axes.z / params.axes.y, place / params.axes.z % params.axes.y, place % params.axes.z);

  let m = thread / 8 * 4; // this thread's rows, and its others or columns
  let n = thread % 8 * 4;
  // What it loads: half of DEPTH places of one row and one other; four columns in each half of the wide tile.
  let loadedRow = thread / 2;
  let loadedPlace = thread % 2 * 8;
  let ownRow = vec4u(batch, min(row + loadedRow, params.axes.w - 1));
  let xRow = params.xOffset + dot(ownRow, params.xStrides);
  let yRow = params.yOffset + dot(ownRow, params.yStrides);
  let column = slice * COLUMNS + n;
  let uColumn0 = min(column, (params.width - 1) / 4 * 4);
  let uColumn1 = min(column + COLUMNS / 2, (params.width - 1) / 4 * 4);
  let vColumn0 = min(column, (params.valueWidth - 1) / 4 * 4);
  let vColumn1 = min(column + COLUMNS / 2, (params.valueWidth - 1) / 4 * 4);

  var first0 = mat4x4f(); // dQ or dK: four rows, four columns in each half
  var first1 = mat4x4f();
  var second0 = mat4x4f(); // dV
  var second1 = mat4x4f();

  // The others that see or are seen by any of the rows.
  let lastRow = i32(min(row + TILE, params.axes.w)) - 1;
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
    for (var start = begin; start < end; start += TILE) {
      let loadedOther = min(start + loadedRow, params.columns - 1);
      let uRow = uBase + loadedOther * params.uStrides.w;
      let vRow = vBase + loadedOther * params.vStrides.w;
      var products = mat4x4f(); // x · u
      for (var c = 0u; c < params.width; c += DEPTH) {
        workgroupBarrier();
        for (var part = loadedPlace; part < loadedPlace + 8; part += 4) {
          let at = c + part;
          let isLive = at < params.width;
          keepPlaces(select(vec4f(), within(loadX(xRow + at), at, params.width), isLive),
            select(vec4f(), within(loadU(uRow + at), at, params.width), isLive), part, loadedRow);
        }
        workgroupBarrier();
        products = addProducts(products, m, n);
      }
      var dp = mat4x4f(); // y · v
      for (var c = 0u; c < params.valueWidth; c += DEPTH) {
        workgroupBarrier();
        for (var part = loadedPlace; part < loadedPlace + 8; part += 4) {
          let at = c + part;
          let isLive = at < params.valueWidth;
          keepPlaces(select(vec4f(), within(loadY(yRow + at), at, params.valueWidth), isLive),
            select(vec4f(), within(loadV(vRow + at), at, params.valueWidth), isLive), part, loadedRow);
        }
        workgroupBarrier();
        dp = addProducts(dp, m, n);
      }

      let weights = weightsOf(products, dp, row + m, start + n, batch, other);
      let p = transpose(weights.p);
      let ds = transpose(weights.ds);
      for (var i = 0u; i < 4; i++) {
        pTile[((n + i) * TILE + m) / 4] = p[i];
        dsTile[((n + i) * TILE + m) / 4] = ds[i];
      }

      for (var block = 0u; block < TILE && start + block < end; block += DEPTH) {
        workgroupBarrier();
        for (var i = thread / 8; i < DEPTH; i += 8) {
          let index = uBase + min(start + block + i, params.columns - 1) * params.uStrides.w;
          keepColumns(loadU(index + uColumn0), i * COLUMNS + n);
          keepColumns(loadU(index + uColumn1), i * COLUMNS + n + COLUMNS / 2);
        }
        workgroupBarrier();
        for (var i = 0u; i < 4 * params.four; i++) {
          let weight = dsTile[((block + i) * TILE + m) / 4];
          first0 += outer(weight, operand(i * COLUMNS + n));
          first1 += outer(weight, operand(i * COLUMNS + n + COLUMNS / 2));
        }
        if (OVER_KEYS) {
          workgroupBarrier();
          for (var i = thread / 8; i < DEPTH; i += 8) {
            let index = vBase + min(start + block + i, params.columns - 1) * params.vStrides.w;
            keepColumns(loadV(index + vColumn0), i * COLUMNS + n);
            keepColumns(loadV(index + vColumn1), i * COLUMNS + n + COLUMNS / 2);
          }
          workgroupBarrier();
          for (var i = 0u; i < 4 * params.four; i++) {
            let weight = pTile[((block + i) * TILE + m) / 4];
            second0 += outer(weight, operand(i * COLUMNS + n));
            second1 += outer(weight, operand(i * COLUMNS + n + COLUMNS / 2));
          }
        }
      }
    }
  }

  for (var i = 0u; i < min(4u, max(params.axes.w, row + m) - row - m); i++) {
    for (var half = 0u; half < 2; half++) {
      let leftmost = column + half * COLUMNS / 2;
      var values = params.scale * select(pick(first0, i), pick(first1, i), half == 1);
      let start = params.resultsOffset + params.firstPlace + dot(vec4u(batch, row + m + i), params.firstStrides);
      for (var j = leftmost; j < min(leftmost + 4, params.width); j++) {
        results[start + j] = values.x;
        values = values.yzwx;
      }
      if (OVER_KEYS) {
        values = select(pick(second0, i), pick(second1, i), half == 1);
        let next = params.resultsOffset + params.secondPlace + dot(vec4u(batch, row + m + i), params.secondStrides);
        for (var j = leftmost; j < min(leftmost + 4, params.valueWidth); j++) {
          results[next + j] = values.x;
          values = values.yzwx;
        }
      }
    }
  }
}
