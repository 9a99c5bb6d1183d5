// y[i, j, …] = x[a(i), b(j), …], where a, b, … move, mirror or repeat the places of one axis each: flip, roll, tile, pad.
// A place outside of x gives the fill value, or is folded back in. Only the window of x that is bound is read; places
// in other windows are left for their passes.
alias T = u32; // any 32-bit type is copied as its bits; spec: f16

const CONSTANT: u32 = 0;
const EDGE: u32 = 1; // a a | a b c | c c
const REFLECT: u32 = 2; // c b | a b c | b a
const SYMMETRIC: u32 = 3; // b a | a b c | c b
const WRAP: u32 = 4; // b c | a b c | a b

struct Params {
  shape0: vec4<u32>, // of y
  shape1: vec4<u32>,
  source0: vec4<u32>, // lengths of x
  source1: vec4<u32>,
  shift0: vec4<u32>, // added to a place of y, as i32
  shift1: vec4<u32>,
  xStrides0: vec4<u32>,
  xStrides1: vec4<u32>,
  windowBegin0: vec4<u32>, // where the bound part of x begins
  windowBegin1: vec4<u32>,
  window0: vec4<u32>, // its lengths
  window1: vec4<u32>,
  count: u32, // elements of y to write
  begin: u32, // the first of them
  rank: u32,
  mirrored: u32, // a bit for each axis that runs backwards
  mode: u32,
  value: u32, // bits of the fill value
  xOffset: u32,
  yOffset: u32,
}

@group(0) @binding(0) var<storage, read> x: array<T>;
@group(0) @binding(1) var<storage, read_write> y: array<T>;
@group(1) @binding(0) var<uniform> params: Params;

fn pick(low: vec4<u32>, high: vec4<u32>, axis: u32) -> u32 {
  return select(high[axis & 3u], low[axis & 3u], axis < 4u);
}

fn fillValue() -> T { return params.value; }

fn modulo(v: i32, n: i32) -> i32 {
  return ((v % n) + n) % n;
}

/// The place in 0 … n − 1 that a place outside stands for.
fn fold(v: i32, n: i32) -> i32 {
  if (params.mode == EDGE) {
    return clamp(v, 0, n - 1);
  }
  if (params.mode == REFLECT) {
    let m = modulo(v, max(2 * (n - 1), 1));
    return min(m, 2 * (n - 1) - m);
  }
  if (params.mode == SYMMETRIC) {
    let m = modulo(v, 2 * n);
    return min(m, 2 * n - 1 - m);
  }
  return modulo(v, n);
}

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) lane: u32,
) {
  let i = (group.y * groups.x + group.x) * 64u + lane;
  if (i >= params.count) {
    return;
  }
  var rest = params.begin + i;
  var p = params.xOffset;
  var isOutside = false;
  var isBound = true;
  for (var axis = params.rank; axis > 0u; axis--) {
    let length = pick(params.shape0, params.shape1, axis - 1u);
    let n = i32(pick(params.source0, params.source1, axis - 1u));
    var v = i32(rest % length) + bitcast<i32>(pick(params.shift0, params.shift1, axis - 1u));
    rest /= length;
    if (((params.mirrored >> (axis - 1u)) & 1u) == 1u) {
      v = n - 1 - v;
    }
    if (v < 0 || v >= n) {
      if (params.mode == CONSTANT) {
        isOutside = true;
      } else {
        v = fold(v, n);
      }
    }
    let place = u32(v) - pick(params.windowBegin0, params.windowBegin1, axis - 1u);
    isBound = isBound && place < pick(params.window0, params.window1, axis - 1u);
    p += place * pick(params.xStrides0, params.xStrides1, axis - 1u);
  }
  if (isOutside) {
    y[params.yOffset + i] = fillValue();
  } else if (isBound) {
    y[params.yOffset + i] = x[p];
  }
}
