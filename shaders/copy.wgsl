// y[…] = x[…] where both are strided views of one shape: materialises views and writes into slices. RUN elements of
// the last axis an invocation.
alias T = u32; // any 32-bit type is copied as its bits; spec: f16
const RUN: u32 = 1u; // elements of the last axis an invocation takes; spec: 16u

struct Params {
  shape0: vec4<u32>, // lengths of axes 0 to 3, without the last axis
  shape1: vec4<u32>, // lengths of axes 4 to 7
  xStrides0: vec4<u32>,
  xStrides1: vec4<u32>,
  yStrides0: vec4<u32>,
  yStrides1: vec4<u32>,
  count: u32, // of runs, in all
  rank: u32, // axes but the last
  length: u32, // of the last axis
  runs: u32, // along the last axis
  xStep: u32, // strides of the last axis
  yStep: u32,
  xOffset: u32,
  yOffset: u32,
}

@group(0) @binding(0) var<storage, read> x: array<T>;
@group(0) @binding(1) var<storage, read_write> y: array<T>;
@group(1) @binding(0) var<uniform> params: Params;

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
  var p = params.xOffset + first * params.xStep;
  var q = params.yOffset + first * params.yStep;
  for (var axis = params.rank; axis > 0u; axis--) {
    let length = pick(params.shape0, params.shape1, axis - 1u);
    let index = rest % length;
    rest /= length;
    p += index * pick(params.xStrides0, params.xStrides1, axis - 1u);
    q += index * pick(params.yStrides0, params.yStrides1, axis - 1u);
  }
  for (var k = 0u; k < taken; k++) {
    y[q] = x[p];
    p += params.xStep;
    q += params.yStep;
  }
}
