// y[…] = apply(c[…], a[…], b[…]) where all are strided views of one shape; a and b may each be one number instead.
// RUN elements of the last axis an invocation.
alias P = u32; // spec: f32, f16
alias T = u32; // of a, b and y; spec: f32, f16
alias C = u32; // the type that c is computed in; spec: f32
alias R = u32; // the type that a, b and y are computed in; spec: f32
const RUN: u32 = 1u; // elements of the last axis an invocation takes; spec: 16u

struct Params {
  shape0: vec4<u32>, // lengths of axes 0 to 3, without the last axis
  shape1: vec4<u32>, // lengths of axes 4 to 7
  cStrides0: vec4<u32>,
  cStrides1: vec4<u32>,
  aStrides0: vec4<u32>,
  aStrides1: vec4<u32>,
  bStrides0: vec4<u32>,
  bStrides1: vec4<u32>,
  yStrides0: vec4<u32>,
  yStrides1: vec4<u32>,
  count: u32, // of runs, in all
  rank: u32, // axes but the last
  length: u32, // of the last axis
  runs: u32, // along the last axis
  cStep: u32, // strides of the last axis
  aStep: u32,
  bStep: u32,
  yStep: u32,
  cOffset: u32,
  aOffset: u32,
  bOffset: u32,
  yOffset: u32,
  aIsNumber: u32,
  bIsNumber: u32,
  aNumber: u32, // bits of a number of type R
  bNumber: u32,
}

@group(0) @binding(0) var<storage, read> c: array<P>;
@group(0) @binding(1) var<storage, read> a: array<T>;
@group(0) @binding(2) var<storage, read> b: array<T>;
@group(0) @binding(3) var<storage, read_write> y: array<T>;
@group(1) @binding(0) var<uniform> params: Params;

fn apply(c: vec4<C>, a: vec4<R>, b: vec4<R>) -> vec4<R> { return select(b, a, c != vec4<C>(0)); }

fn pick(low: vec4<u32>, high: vec4<u32>, axis: u32) -> u32 {
  return select(high[axis & 3u], low[axis & 3u], axis < 4u);
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
  let first = i % params.runs * RUN;
  let taken = min(RUN, params.length - first);
  var rest = i / params.runs;
  var o = params.cOffset + first * params.cStep;
  var p = params.aOffset + first * params.aStep;
  var q = params.bOffset + first * params.bStep;
  var r = params.yOffset + first * params.yStep;
  for (var axis = params.rank; axis > 0u; axis--) {
    let length = pick(params.shape0, params.shape1, axis - 1u);
    let index = rest % length;
    rest /= length;
    o += index * pick(params.cStrides0, params.cStrides1, axis - 1u);
    p += index * pick(params.aStrides0, params.aStrides1, axis - 1u);
    q += index * pick(params.bStrides0, params.bStrides1, axis - 1u);
    r += index * pick(params.yStrides0, params.yStrides1, axis - 1u);
  }
  for (var k = 0u; k < taken; k++) {
    let left = select(R(a[p]), bitcast<R>(params.aNumber), params.aIsNumber != 0u);
    let right = select(R(b[q]), bitcast<R>(params.bNumber), params.bIsNumber != 0u);
    y[r] = T(apply(vec4<C>(C(c[o])), vec4<R>(left), vec4<R>(right)).x);
    o += params.cStep;
    p += params.aStep;
    q += params.bStep;
    r += params.yStep;
  }
}
