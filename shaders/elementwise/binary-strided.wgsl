// y[…] = apply(a[…], b[…]) where all three are strided views of one shape; RUN elements of the last axis an invocation.
alias A = f32; // spec: f16, i32, u32
alias B = f32; // spec: f16, i32, u32
alias Y = f32; // spec: f16, i32, u32
alias C = f32; // the type that is computed in; spec: i32, u32
alias R = f32; // the type of the result before it is stored; spec: u32
const RUN: u32 = 1u; // elements of the last axis an invocation takes; spec: 16u

struct Params {
  shape0: vec4<u32>, // lengths of axes 0 to 3, without the last axis
  shape1: vec4<u32>, // lengths of axes 4 to 7
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
  aStep: u32, // strides of the last axis
  bStep: u32,
  yStep: u32,
  aOffset: u32,
  bOffset: u32,
  yOffset: u32,
  p: u32, // bits of two numbers of type C
  q: u32,
}

@group(0) @binding(0) var<storage, read> a: array<A>;
@group(0) @binding(1) var<storage, read> b: array<B>;
@group(0) @binding(2) var<storage, read_write> y: array<Y>;
@group(1) @binding(0) var<uniform> params: Params;

fn first() -> vec4<C> {
  return vec4<C>(bitcast<C>(params.p));
}

fn second() -> vec4<C> {
  return vec4<C>(bitcast<C>(params.q));
}

fn apply(a: vec4<C>, b: vec4<C>) -> vec4<R> { return a + b; }

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
  var p = params.aOffset + first * params.aStep;
  var q = params.bOffset + first * params.bStep;
  var r = params.yOffset + first * params.yStep;
  for (var axis = params.rank; axis > 0u; axis--) {
    let length = pick(params.shape0, params.shape1, axis - 1u);
    let index = rest % length;
    rest /= length;
    p += index * pick(params.aStrides0, params.aStrides1, axis - 1u);
    q += index * pick(params.bStrides0, params.bStrides1, axis - 1u);
    r += index * pick(params.yStrides0, params.yStrides1, axis - 1u);
  }
  for (var k = 0u; k < taken; k++) {
    y[r] = Y(apply(vec4<C>(C(a[p])), vec4<C>(C(b[q]))).x);
    p += params.aStep;
    q += params.bStep;
    r += params.yStep;
  }
}
