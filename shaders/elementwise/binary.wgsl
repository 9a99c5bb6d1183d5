// y[i] = apply(a[i], b[i]) over contiguous elements, four an invocation; either operand may be one scalar.
alias A = f32; // spec: f16, i32, u32
alias B = f32; // spec: f16, i32, u32
alias Y = f32; // spec: f16, i32, u32
alias C = f32; // the type that is computed in; spec: i32, u32
alias R = f32; // the type of the result before it is stored; spec: u32

struct Params {
  count: u32, // of vec4
  aOffset: u32,
  bOffset: u32,
  yOffset: u32,
  aIsScalar: u32,
  bIsScalar: u32,
  p: u32, // bits of two numbers of type C
  q: u32,
}

@group(0) @binding(0) var<storage, read> a: array<A>;
@group(0) @binding(1) var<storage, read> b: array<B>;
@group(0) @binding(2) var<storage, read_write> y: array<vec4<Y>>;
@group(1) @binding(0) var<uniform> params: Params;

fn first() -> vec4<C> {
  return vec4<C>(bitcast<C>(params.p));
}

fn second() -> vec4<C> {
  return vec4<C>(bitcast<C>(params.q));
}

fn apply(a: vec4<C>, b: vec4<C>) -> vec4<R> { return a + b; }

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
  let p = params.aOffset + select(i * 4u, 0u, params.aIsScalar != 0u);
  let ps = select(1u, 0u, params.aIsScalar != 0u);
  let q = params.bOffset + select(i * 4u, 0u, params.bIsScalar != 0u);
  let qs = select(1u, 0u, params.bIsScalar != 0u);
  let left = vec4<C>(vec4<A>(a[p], a[p + ps], a[p + 2u * ps], a[p + 3u * ps]));
  let right = vec4<C>(vec4<B>(b[q], b[q + qs], b[q + 2u * qs], b[q + 3u * qs]));
  y[params.yOffset / 4u + i] = vec4<Y>(apply(left, right));
}
