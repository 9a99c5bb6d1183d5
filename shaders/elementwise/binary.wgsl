// y[i] = apply(a[i], b[i]) over contiguous elements, VECTORS vectors of four an invocation; with SCALARS either operand
// may be one scalar, anywhere in its buffer.
alias A = f32; // spec: f16, i32, u32
alias B = f32; // spec: f16, i32, u32
alias Y = f32; // spec: f16, i32, u32
alias C = f32; // the type that is computed in; spec: i32, u32
alias R = f32; // the type of the result before it is stored; spec: u32
const VECTORS: u32 = 1u; // spec: 2u, 4u
const WRITTEN_OUT = false; // not in a loop, where that costs more than it saves; spec: true, for 2 and 4 vectors
const SCALARS = false; // spec: true

struct Params {
  count: u32, // of vec4
  aOffset: u32,
  bOffset: u32,
  yOffset: u32,
  aIsScalar: u32, // 0 without SCALARS
  bIsScalar: u32,
  p: u32, // bits of two numbers of type C
  q: u32,
}

@group(0) @binding(0) var<storage, read> a: array<vec4<A>>;
@group(0) @binding(1) var<storage, read> b: array<vec4<B>>;
@group(0) @binding(2) var<storage, read_write> y: array<vec4<Y>>;
@group(1) @binding(0) var<uniform> params: Params;

fn first() -> vec4<C> {
  return vec4<C>(bitcast<C>(params.p));
}

fn second() -> vec4<C> {
  return vec4<C>(bitcast<C>(params.q));
}

fn apply(a: vec4<C>, b: vec4<C>) -> vec4<R> { return a + b; }

fn computeAt(i: u32, aScalar: vec4<A>, bScalar: vec4<B>) {
  let p = params.aOffset / 4u;
  let q = params.bOffset / 4u;
  var left: vec4<A>;
  var right: vec4<B>;
  if (SCALARS) {
    let aIsScalar = params.aIsScalar != 0u;
    let bIsScalar = params.bIsScalar != 0u;
    left = select(a[p + select(i, 0u, aIsScalar)], aScalar, aIsScalar);
    right = select(b[q + select(i, 0u, bIsScalar)], bScalar, bIsScalar);
  } else {
    left = a[p + i];
    right = b[q + i];
  }
  y[params.yOffset / 4u + i] = vec4<Y>(apply(vec4<C>(left), vec4<C>(right)));
}

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) lane: u32,
) {
  let begin = ((group.y * groups.x + group.x) * 64u + lane) * VECTORS;
  var aScalar: vec4<A>;
  var bScalar: vec4<B>;
  if (SCALARS) {
    aScalar = vec4<A>(a[params.aOffset / 4u][params.aOffset % 4u]);
    bScalar = vec4<B>(b[params.bOffset / 4u][params.bOffset % 4u]);
  }
  if (VECTORS == 1u) {
    if (begin < params.count) {
      computeAt(begin, aScalar, bScalar);
    }
    return;
  }
  if (WRITTEN_OUT) {
    if (begin < params.count) {
      let last = params.count - 1u;
      computeAt(begin, aScalar, bScalar);
      computeAt(min(begin + 1u, last), aScalar, bScalar);
      if (VECTORS == 4u) {
        computeAt(min(begin + 2u, last), aScalar, bScalar);
        computeAt(min(begin + 3u, last), aScalar, bScalar);
      }
    }
    return;
  }
  let end = min(begin + VECTORS, params.count);
  for (var i = begin; i < end; i++) {
    computeAt(i, aScalar, bScalar);
  }
}
