// y = (x - mean) / sqrt(variance + epsilon) * weight + bias, four elements an invocation. Element i takes the statistics
// at (i / span) % statistics and weight and bias at (i / inner) % channels: one and the same in batch normalisation.
struct Params {
  count: u32, // elements, rounded up to whole vectors
  begin: u32, // first element of this window
  inner: u32,
  channels: u32,
  span: u32,
  statistics: u32,
  hasWeight: u32,
  hasBias: u32,
  epsilon: f32,
  xOffset: u32,
  meanOffset: u32,
  varianceOffset: u32,
  weightOffset: u32,
  biasOffset: u32,
  yOffset: u32,
}

@group(0) @binding(0) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> mean: array<f32>;
@group(0) @binding(2) var<storage, read> variance: array<f32>;
@group(0) @binding(3) var<storage, read> weight: array<f32>;
@group(0) @binding(4) var<storage, read> bias: array<f32>;
@group(0) @binding(5) var<storage, read_write> y: array<vec4<f32>>;
@group(1) @binding(0) var<uniform> params: Params;

/** Mean, 1 / deviation, weight and bias of element `i`. */
fn factorsOf(i: u32) -> vec4<f32> {
  let channel = (i / params.inner) % params.channels;
  var row = channel;
  if (params.span != params.inner || params.statistics != params.channels) {
    row = (i / params.span) % params.statistics;
  }
  var factors = vec4<f32>(mean[params.meanOffset + row], 1.0 / sqrt(variance[params.varianceOffset + row] + params.epsilon), 1.0, 0.0);
  if (params.hasWeight != 0u) {
    factors.z = weight[params.weightOffset + channel];
  }
  if (params.hasBias != 0u) {
    factors.w = bias[params.biasOffset + channel];
  }
  return factors;
}

fn normalized(v: f32, factors: vec4<f32>) -> f32 { return (v - factors.x) * factors.y * factors.z + factors.w; }

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) lane: u32,
) {
  let vector = (group.y * groups.x + group.x) * 64u + lane;
  if (vector * 4u >= params.count) {
    return;
  }
  let i = params.begin + vector * 4u;
  let v = x[params.xOffset / 4u + vector];
  let f0 = factorsOf(i);
  var f1 = f0;
  var f2 = f0;
  var f3 = f0;
  if (params.inner % 4u != 0u) { // else all four lie in one plane
    f1 = factorsOf(i + 1u);
    f2 = factorsOf(i + 2u);
    f3 = factorsOf(i + 3u);
  }
  y[params.yOffset / 4u + vector] = vec4<f32>(normalized(v.x, f0), normalized(v.y, f1), normalized(v.z, f2), normalized(v.w, f3));
}
