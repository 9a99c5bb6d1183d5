// y[i] = apply(c[i], a[i], b[i]) over contiguous elements, four an invocation; each operand may be one scalar, and a and
// b may each be one number instead.
alias P = u32; // spec: f32, f16
alias T = u32; // of a, b and y; spec: f32, f16
alias C = u32; // the type that c is computed in; spec: f32
alias R = u32; // the type that a, b and y are computed in; spec: f32

struct Params {
  count: u32, // of vec4
  cOffset: u32,
  aOffset: u32,
  bOffset: u32,
  yOffset: u32,
  cIsScalar: u32,
  aIsScalar: u32,
  bIsScalar: u32,
  aIsNumber: u32,
  bIsNumber: u32,
  aNumber: u32, // bits of a number of type R
  bNumber: u32,
}

@group(0) @binding(0) var<storage, read> c: array<P>;
@group(0) @binding(1) var<storage, read> a: array<T>;
@group(0) @binding(2) var<storage, read> b: array<T>;
@group(0) @binding(3) var<storage, read_write> y: array<vec4<T>>;
@group(1) @binding(0) var<uniform> params: Params;

fn apply(c: vec4<C>, a: vec4<R>, b: vec4<R>) -> vec4<R> { return select(b, a, c != vec4<C>(0)); }

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
  let o = params.cOffset + select(i * 4u, 0u, params.cIsScalar != 0u);
  let os = select(1u, 0u, params.cIsScalar != 0u);
  let p = params.aOffset + select(i * 4u, 0u, params.aIsScalar != 0u);
  let ps = select(1u, 0u, params.aIsScalar != 0u);
  let q = params.bOffset + select(i * 4u, 0u, params.bIsScalar != 0u);
  let qs = select(1u, 0u, params.bIsScalar != 0u);
  let chosen = vec4<C>(vec4<P>(c[o], c[o + os], c[o + 2u * os], c[o + 3u * os]));
  let left = vec4<R>(vec4<T>(a[p], a[p + ps], a[p + 2u * ps], a[p + 3u * ps]));
  let right = vec4<R>(vec4<T>(b[q], b[q + qs], b[q + 2u * qs], b[q + 3u * qs]));
  let aNumber = vec4<R>(bitcast<R>(params.aNumber));
  let bNumber = vec4<R>(bitcast<R>(params.bNumber));
  y[params.yOffset / 4u + i] =
    vec4<T>(apply(chosen, select(left, aNumber, params.aIsNumber != 0u), select(right, bNumber, params.bIsNumber != 0u)));
}
