// y[…] = apply(c[…], a[…], b[…]) where all are strided views of one shape; a and b may each be one number instead.
alias P = u32; // spec: f32, f16
alias T = u32; // of a, b and y; spec: f32, f16
alias C = u32; // the type that c is computed in; spec: f32
alias R = u32; // the type that a, b and y are computed in; spec: f32

struct Params {
  shape0: vec4<u32>, // lengths of axes 0 to 3
  shape1: vec4<u32>, // lengths of axes 4 to 7
  cStrides0: vec4<u32>,
  cStrides1: vec4<u32>,
  aStrides0: vec4<u32>,
  aStrides1: vec4<u32>,
  bStrides0: vec4<u32>,
  bStrides1: vec4<u32>,
  yStrides0: vec4<u32>,
  yStrides1: vec4<u32>,
  count: u32,
  rank: u32,
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
  var rest = i;
  var o = params.cOffset;
  var p = params.aOffset;
  var q = params.bOffset;
  var r = params.yOffset;
  for (var axis = params.rank; axis > 0u; axis--) {
    let length = pick(params.shape0, params.shape1, axis - 1u);
    let index = rest % length;
    rest /= length;
    o += index * pick(params.cStrides0, params.cStrides1, axis - 1u);
    p += index * pick(params.aStrides0, params.aStrides1, axis - 1u);
    q += index * pick(params.bStrides0, params.bStrides1, axis - 1u);
    r += index * pick(params.yStrides0, params.yStrides1, axis - 1u);
  }
  let left = select(R(a[p]), bitcast<R>(params.aNumber), params.aIsNumber != 0u);
  let right = select(R(b[q]), bitcast<R>(params.bNumber), params.bIsNumber != 0u);
  y[r] = T(apply(vec4<C>(C(c[o])), vec4<R>(left), vec4<R>(right)).x);
}
