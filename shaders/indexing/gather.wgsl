// y[i, k, j] = x[i, indices[i, k, j], j] along one axis; every tensor is a strided view. Negative indices count from
// the end, and those outside are moved to the nearest place inside, so that nothing is read out of bounds. Only
// places in the bound window of x are read; others are left for their passes.
alias T = u32; // any 32-bit type is copied as its bits; spec: f16

struct Params {
  shape0: vec4<u32>, // of indices and y
  shape1: vec4<u32>,
  xStrides0: vec4<u32>, // 0 along the axis
  xStrides1: vec4<u32>,
  indicesStrides0: vec4<u32>,
  indicesStrides1: vec4<u32>,
  yStrides0: vec4<u32>,
  yStrides1: vec4<u32>,
  count: u32,
  rank: u32,
  isSigned: u32, // whether indices are i32
  length: u32, // of the whole axis
  begin: u32, // of the bound window
  window: u32, // its length
  axisStride: u32, // of x along the axis
  xOffset: u32,
  indicesOffset: u32,
  yOffset: u32,
}

@group(0) @binding(0) var<storage, read> x: array<T>;
@group(0) @binding(1) var<storage, read> indices: array<u32>;
@group(0) @binding(2) var<storage, read_write> y: array<T>;
@group(1) @binding(0) var<uniform> params: Params;

fn pick(low: vec4<u32>, high: vec4<u32>, axis: u32) -> u32 {
  return select(high[axis & 3u], low[axis & 3u], axis < 4u);
}

fn placeOf(index: u32) -> u32 {
  if (params.isSigned == 0u) {
    return min(index, params.length - 1u);
  }
  let v = bitcast<i32>(index);
  let n = i32(params.length);
  return u32(clamp(select(v, v + n, v < 0), 0, n - 1));
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
  var r = params.indicesOffset;
  var q = params.yOffset;
  for (var axis = params.rank; axis > 0u; axis--) {
    let length = pick(params.shape0, params.shape1, axis - 1u);
    let index = rest % length;
    rest /= length;
    p += index * pick(params.xStrides0, params.xStrides1, axis - 1u);
    r += index * pick(params.indicesStrides0, params.indicesStrides1, axis - 1u);
    q += index * pick(params.yStrides0, params.yStrides1, axis - 1u);
  }
  let place = placeOf(indices[r]) - params.begin;
  if (place < params.window) {
    y[q] = x[p + place * params.axisStride];
  }
}
