// y[i] = apply(c[i], a[i], b[i]) over contiguous elements, VECTORS vectors of four an invocation; each operand may be one
// scalar, anywhere in its buffer, and a and b may each be one number instead.
alias P = u32; // spec: f32, f16
alias T = u32; // of a, b and y; spec: f32, f16
alias C = u32; // the type that c is computed in; spec: f32
alias R = u32; // the type that a, b and y are computed in; spec: f32
const VECTORS: u32 = 1u; // spec: 2u, 4u
const WRITTEN_OUT = false; // not in a loop, where that costs more than it saves; spec: true, for 2 and 4 vectors

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

@group(0) @binding(0) var<storage, read> c: array<vec4<P>>;
@group(0) @binding(1) var<storage, read> a: array<vec4<T>>;
@group(0) @binding(2) var<storage, read> b: array<vec4<T>>;
@group(0) @binding(3) var<storage, read_write> y: array<vec4<T>>;
@group(1) @binding(0) var<uniform> params: Params;

fn apply(c: vec4<C>, a: vec4<R>, b: vec4<R>) -> vec4<R> { return select(b, a, c != vec4<C>(0)); }

fn computeAt(i: u32, cScalar: vec4<P>, aScalar: vec4<T>, bScalar: vec4<T>) {
  let o = params.cOffset / 4u;
  let p = params.aOffset / 4u;
  let q = params.bOffset / 4u;
  let cIsScalar = params.cIsScalar != 0u;
  let aIsScalar = params.aIsScalar != 0u;
  let bIsScalar = params.bIsScalar != 0u;
  let aNumber = vec4<R>(bitcast<R>(params.aNumber));
  let bNumber = vec4<R>(bitcast<R>(params.bNumber));
  let chosen = vec4<C>(select(c[o + select(i, 0u, cIsScalar)], cScalar, cIsScalar));
  let left = vec4<R>(select(a[p + select(i, 0u, aIsScalar)], aScalar, aIsScalar));
  let right = vec4<R>(select(b[q + select(i, 0u, bIsScalar)], bScalar, bIsScalar));
  y[params.yOffset / 4u + i] = vec4<T>(
    apply(chosen, select(left, aNumber, params.aIsNumber != 0u), select(right, bNumber, params.bIsNumber != 0u)),
  );
}

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) lane: u32,
) {
  let begin = ((group.y * groups.x + group.x) * 64u + lane) * VECTORS;
  let cScalar = vec4<P>(c[params.cOffset / 4u][params.cOffset % 4u]);
  let aScalar = vec4<T>(a[params.aOffset / 4u][params.aOffset % 4u]);
  let bScalar = vec4<T>(b[params.bOffset / 4u][params.bOffset % 4u]);
  if (VECTORS == 1u) {
    if (begin < params.count) {
      computeAt(begin, cScalar, aScalar, bScalar);
    }
    return;
  }
  if (WRITTEN_OUT) {
    if (begin < params.count) {
      let last = params.count - 1u;
      computeAt(begin, cScalar, aScalar, bScalar);
      computeAt(min(begin + 1u, last), cScalar, aScalar, bScalar);
      if (VECTORS == 4u) {
        computeAt(min(begin + 2u, last), cScalar, aScalar, bScalar);
        computeAt(min(begin + 3u, last), cScalar, aScalar, bScalar);
      }
    }
    return;
  }
  let end = min(begin + VECTORS, params.count);
  for (var i = begin; i < end; i++) {
    computeAt(i, cScalar, aScalar, bScalar);
  }
}
