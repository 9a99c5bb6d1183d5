// y[i] = apply(x[i], number), or apply(number, x[i]), over contiguous elements, VECTORS vectors of four an
// invocation.
alias X = f32; // spec: f16, i32, u32
alias Y = f32; // spec: f16, i32, u32
alias C = f32; // the type that is computed in; spec: i32, u32
alias R = f32; // the type of the result before it is stored; spec: i32, u32
const NUMBER_FIRST = false; // spec: true
const VECTORS: u32 = 1u; // spec: 2u, 4u
const WRITTEN_OUT = false; // not in a loop, where that costs more than it saves; spec: true, for 2 and 4 vectors

struct Params {
  count: u32, // of vec4
  xOffset: u32,
  yOffset: u32,
  number: u32, // bits of a number of type C
}

@group(0) @binding(0) var<storage, read> x: array<vec4<X>>;
@group(0) @binding(1) var<storage, read_write> y: array<vec4<Y>>;
@group(1) @binding(0) var<uniform> params: Params;

fn apply(a: vec4<C>, b: vec4<C>) -> vec4<R> { return a + b; }

fn computeAt(i: u32) {
  let number = vec4<C>(bitcast<C>(params.number));
  let own = vec4<C>(x[params.xOffset / 4u + i]);
  if (NUMBER_FIRST) {
    y[params.yOffset / 4u + i] = vec4<Y>(apply(number, own));
  } else {
    y[params.yOffset / 4u + i] = vec4<Y>(apply(own, number));
  }
}

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) lane: u32,
) {
  let begin = ((group.y * groups.x + group.x) * 64u + lane) * VECTORS;
  if (VECTORS == 1u) {
    if (begin < params.count) {
      computeAt(begin);
    }
    return;
  }
  if (WRITTEN_OUT) {
    if (begin < params.count) {
      let last = params.count - 1u;
      computeAt(begin);
      computeAt(min(begin + 1u, last));
      if (VECTORS == 4u) {
        computeAt(min(begin + 2u, last));
        computeAt(min(begin + 3u, last));
      }
    }
    return;
  }
  let end = min(begin + VECTORS, params.count);
  for (var i = begin; i < end; i++) {
    computeAt(i);
  }
}
