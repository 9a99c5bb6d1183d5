// y[…] = apply(g[…], x[…], t[…], p[…]) where all are strided views of one shape: the loss of a prediction x and a target
// t, or its derivative times the gradient g that arrives. p is a factor of positive targets.
struct Params {
  shape0: vec4<u32>, // lengths of axes 0 to 3
  shape1: vec4<u32>, // lengths of axes 4 to 7
  gStrides0: vec4<u32>,
  gStrides1: vec4<u32>,
  xStrides0: vec4<u32>,
  xStrides1: vec4<u32>,
  tStrides0: vec4<u32>,
  tStrides1: vec4<u32>,
  pStrides0: vec4<u32>,
  pStrides1: vec4<u32>,
  yStrides0: vec4<u32>,
  yStrides1: vec4<u32>,
  count: u32,
  rank: u32,
  gOffset: u32,
  xOffset: u32,
  tOffset: u32,
  pOffset: u32,
  yOffset: u32,
  hasPositiveWeight: u32, // else p is 1
  number: f32,
}

@group(0) @binding(0) var<storage, read> g: array<f32>;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> t: array<f32>;
@group(0) @binding(3) var<storage, read> p: array<f32>;
@group(0) @binding(4) var<storage, read_write> y: array<f32>;
@group(1) @binding(0) var<uniform> params: Params;

fn number() -> vec4<f32> {
  return vec4(params.number);
}

fn apply(g: vec4<f32>, x: vec4<f32>, t: vec4<f32>, p: vec4<f32>) -> vec4<f32> { return (x - t) * (x - t); }

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
  var gAt = params.gOffset;
  var xAt = params.xOffset;
  var tAt = params.tOffset;
  var pAt = params.pOffset;
  var yAt = params.yOffset;
  for (var axis = params.rank; axis > 0u; axis--) {
    let length = pick(params.shape0, params.shape1, axis - 1u);
    let index = rest % length;
    rest /= length;
    gAt += index * pick(params.gStrides0, params.gStrides1, axis - 1u);
    xAt += index * pick(params.xStrides0, params.xStrides1, axis - 1u);
    tAt += index * pick(params.tStrides0, params.tStrides1, axis - 1u);
    pAt += index * pick(params.pStrides0, params.pStrides1, axis - 1u);
    yAt += index * pick(params.yStrides0, params.yStrides1, axis - 1u);
  }
  let positive = select(1.0, p[pAt], params.hasPositiveWeight != 0u);
  y[yAt] = apply(vec4(g[gAt]), vec4(x[xAt]), vec4(t[tAt]), vec4(positive)).x;
}
