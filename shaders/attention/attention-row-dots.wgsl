// Of each query what its gradient needs: N and 2^N over the sum of e^s as the forward pass left them, and D, the dot product
// of a row of dY with the same row of y, added up in ascending order.

struct Params {
  axes: vec4<u32>, // lengths of the batch axes, three, and of the queries
  yStrides: vec4<u32>, // along these, in elements as all strides and offsets
  gStrides: vec4<u32>,
  statisticsStrides: vec4<u32>,
  resultStrides: vec4<u32>,
  count: u32,
  width: u32,
  yOffset: u32,
  gOffset: u32,
  statisticsOffset: u32,
  resultOffset: u32,
}

alias Element = vec4<f32>; // spec: f32, when a width, an offset or a stride is no multiple of 4
const IS_WHOLE = true;     // spec: false where Element is f32
const UNIT: u32 = 4;       // elements of Element

@group(0) @binding(0) var<storage, read> y: array<Element>;
@group(0) @binding(1) var<storage, read> g: array<Element>;
@group(0) @binding(2) var<storage, read> statistics: array<f32>; // [batch, queries, 2]
@group(0) @binding(3) var<storage, read_write> result: array<f32>; // [batch, queries, 4]
@group(1) @binding(0) var<uniform> params: Params;

// Four elements from place `i` on, a place being UNIT elements. spec: return vec4f(y[i], y[i + 1], y[i + 2], y[i + 3]);
fn loadY(i: u32) -> vec4f { return y[i]; }
fn loadG(i: u32) -> vec4f { return g[i]; }

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let i = (group.y * groups.x + group.x) * 64 + lane;
  if (i >= params.count) {
    return;
  }
  let i2 = i / params.axes.w;
  let i1 = i2 / params.axes.z;
  let place = vec4u(i1 / params.axes.y, i1 % params.axes.y, i2 % params.axes.z, i % params.axes.w);
  var yAt = (params.yOffset + dot(place, params.yStrides)) / UNIT;
  var gAt = (params.gOffset + dot(place, params.gStrides)) / UNIT;
  var total = 0.0;
  for (var c = 0u; c < params.width; c += 4) {
    var products = loadY(yAt) * loadG(gAt);
    products = select(vec4f(), products, vec4(IS_WHOLE) | (c + vec4u(0, 1, 2, 3) < vec4u(params.width)));
    yAt += 4 / UNIT;
    gAt += 4 / UNIT;
    total = (((total + products.x) + products.y) + products.z) + products.w;
  }
  let own = params.statisticsOffset + dot(place, params.statisticsStrides);
  let at = params.resultOffset + dot(place, params.resultStrides);
  result[at] = statistics[own];
  result[at + 1] = statistics[own + 1];
  result[at + 2] = total;
}
