// Gradients of scores of attention, dS = P (dP - D), from products of Q with K and of dY with V, as attention-backward.wgsl
// tells.

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
  // 4: a bound that compilers do not know, as loops over loads take longest to compile when unrolled. Whether it is reached is
  // asked behind the body: lavapipe goes through a loop that asks before once more, with no lane on.
  four: u32,
  seed0: u32, // of dropout
  seed1: u32,
  threshold: u32, // scores with 24 random bits below it are dropped
  keptScale: f32, // 1 / (1 - p)
  firstPlace: u32, // where results begin behind their common offset
  secondPlace: u32, // NOWHERE over queries, which have one result
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
const OVER_KEYS = false; // spec: true where gradients of keys and values are made, or may be
const MASKED = false;
const BIASED = false;
const DROPPED = false; // dropout of probabilities
const NOWHERE = 0xffffffffu;

// Whether gradients of keys and values are made, not of queries. spec: return params.secondPlace != NOWHERE; in one kernel for
// both, where compiling two takes long. OVER_KEYS stands around it where much depends on it, as not every compiler sees that a
// function always says no.
fn isOverKeys() -> bool { return OVER_KEYS; }

@group(0) @binding(0) var<storage, read> x: array<Element>;
@group(0) @binding(1) var<storage, read> y: array<Element>;
@group(0) @binding(2) var<storage, read> u: array<Element>;
@group(0) @binding(3) var<storage, read> v: array<Element>;
@group(0) @binding(4) var<storage, read> mask: array<u32>; // 0 hides
@group(0) @binding(5) var<storage, read> bias: array<f32>;
@group(0) @binding(6) var<storage, read> statistics: array<vec4<f32>>; // of queries: N, 2^N over the sum of e^s, D
@group(0) @binding(7) var<storage, read_write> results: array<f32>;
@group(1) @binding(0) var<uniform> params: Params;

// Four elements from place `i` on, a place being UNIT elements. spec: return vec4f(x[i], x[i + 1], x[i + 2], x[i + 3]);
fn loadX(i: u32) -> vec4f { return x[i]; }
fn loadY(i: u32) -> vec4f { return y[i]; }
fn loadU(i: u32) -> vec4f { return u[i]; }
fn loadV(i: u32) -> vec4f { return v[i]; }

// P and dS of four rows and an invocation's four others.
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
    if (isOverKeys()) {
      var i = 0u;
      loop {
        let place = min(column + i, params.columns - 1);
        let own = statistics[(params.statisticsOffset + dot(vec4u(other, place), params.statisticsStrides)) / 4];
        largest = vec4f(largest.yzw, own.x);
        factor = vec4f(factor.yzw, own.y);
        dots = vec4f(dots.yzw, own.z);
        continuing {
          i++;
          break if i >= params.four;
        }
      }
    }
  }
  var weights = Weights(products, gradients); // row by row from the front, as the others move up
  var i = 0u;
  loop {
    let own = min(row + i, params.axes.w - 1);
    var score = params.scale * weights.p[0];
    if (BIASED) {
      let at = params.biasOffset + dot(vec4u(other, own), params.biasStrides) + safe * params.biasColumn;
      score += vec4f(bias[at.x], bias[at.y], bias[at.z], bias[at.w]);
    }
    var isSeen = (columns < vec4u(params.columns)) & (bitcast<vec4u>(score) != vec4u(HIDDEN));
    if (isOverKeys()) {
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
    let p = weightOf(score, largest) * factor;
    var kept = p;
    var dp = weights.ds[0];
    if (DROPPED) {
      // The place of a score in [batch, queries, keys].
      var at = (((batch.x * params.axes.y + batch.y) * params.axes.z + batch.z) * params.axes.w + own) * params.columns + columns;
      if (isOverKeys()) {
        at = (((other.x * params.axes.y + other.y) * params.groups + other.z) * params.columns + columns) * params.axes.w + own;
      }
      let factor = select(vec4f(), vec4f(params.keptScale), keeps(at));
      kept *= factor;
      dp *= factor;
    }
    let ds = p * (dp - dots);
    weights.p = mat4x4f(weights.p[1], weights.p[2], weights.p[3], select(vec4f(), kept, isSeen));
    weights.ds = mat4x4f(weights.ds[1], weights.ds[2], weights.ds[3], select(vec4f(), ds, isSeen));
    continuing {
      i++;
      break if i >= params.four;
    }
  }
  return weights;
}
