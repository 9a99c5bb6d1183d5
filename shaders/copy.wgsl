// y[…] = x[…] where both are strided views of one shape: materialises views and writes into slices.
alias T = u32; // any 32-bit type is copied as its bits; spec: f16

struct Params {
  shape0: vec4<u32>, // lengths of axes 0 to 3
  shape1: vec4<u32>, // lengths of axes 4 to 7
  xStrides0: vec4<u32>,
  xStrides1: vec4<u32>,
  yStrides0: vec4<u32>,
  yStrides1: vec4<u32>,
  count: u32,
  rank: u32,
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
  var rest = i;
  var p = params.xOffset;
  var q = params.yOffset;
  for (var axis = params.rank; axis > 0u; axis--) {
    let length = pick(params.shape0, params.shape1, axis - 1u);
    let index = rest % length;
    rest /= length;
    p += index * pick(params.xStrides0, params.xStrides1, axis - 1u);
    q += index * pick(params.yStrides0, params.yStrides1, axis - 1u);
  }
  y[q] = x[p];
}
