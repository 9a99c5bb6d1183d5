// y = x below (or above) a diagonal of its last two axes, and 0 on the other side.
alias T = u32; // any 32-bit type is copied as its bits; spec: f16

struct Params {
  shape0: vec4<u32>,
  shape1: vec4<u32>,
  xStrides0: vec4<u32>,
  xStrides1: vec4<u32>,
  count: u32,
  begin: u32, // place of the first element of y in the whole tensor
  xBegin: u32, // place of the first element of x in it
  rank: u32,
  rows: u32,
  columns: u32,
  diagonal: i32, // 0 is the main one, 1 the next above
  isUpper: u32,
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
  let place = params.begin + i;
  let above = i32(place % params.columns) - i32(place / params.columns % params.rows);
  let isKept = select(above <= params.diagonal, above >= params.diagonal, params.isUpper == 1u);
  var rest = place - params.xBegin;
  var p = params.xOffset;
  for (var axis = params.rank; axis > 0u; axis--) {
    let length = pick(params.shape0, params.shape1, axis - 1u);
    p += (rest % length) * pick(params.xStrides0, params.xStrides1, axis - 1u);
    rest /= length;
  }
  y[params.yOffset + i] = select(T(0), x[p], isKept);
}
