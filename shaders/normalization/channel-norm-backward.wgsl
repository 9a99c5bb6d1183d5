// Gradient of channel_norm with respect to x, four elements an invocation:
// dx = rstd * (gw - mean(gw) - normalized * mean(gw * normalized)), gw = g * weight, means over what shares statistics;
// with fixed statistics dx = rstd * gw. Places as in channel-norm.wgsl; sums [2, statistics] are of gw and
// gw * normalized, or, where `unweighted`, of g and g * normalized under one weight each.
struct Params {
  count: u32, // elements, rounded up to whole vectors
  begin: u32, // first element of this window
  inner: u32,
  channels: u32,
  span: u32,
  statistics: u32,
  hasWeight: u32,
  fixed: u32,
  unweighted: u32,
  share: f32, // 1 / elements that share statistics
  epsilon: f32,
  gOffset: u32,
  xOffset: u32,
  meanOffset: u32,
  varianceOffset: u32,
  weightOffset: u32,
  sumsOffset: u32,
  dxOffset: u32,
}

@group(0) @binding(0) var<storage, read> g: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> mean: array<f32>;
@group(0) @binding(3) var<storage, read> variance: array<f32>;
@group(0) @binding(4) var<storage, read> weight: array<f32>;
@group(0) @binding(5) var<storage, read> sums: array<f32>;
@group(0) @binding(6) var<storage, read_write> dx: array<vec4<f32>>;
@group(1) @binding(0) var<uniform> params: Params;

struct Factors {
  mean: f32,
  rstd: f32,
  weight: f32,
  meanGradient: f32,
  meanProduct: f32,
}

fn factorsOf(i: u32) -> Factors {
  let channel = (i / params.inner) % params.channels;
  var row = channel;
  if (params.span != params.inner || params.statistics != params.channels) {
    row = (i / params.span) % params.statistics;
  }
  var factors = Factors(0.0, 1.0 / sqrt(variance[params.varianceOffset + row] + params.epsilon), 1.0, 0.0, 0.0);
  if (params.hasWeight != 0u) {
    factors.weight = weight[params.weightOffset + channel];
  }
  if (params.fixed == 0u) {
    let share = params.share * select(1.0, factors.weight, params.unweighted != 0u);
    factors.mean = mean[params.meanOffset + row];
    factors.meanGradient = share * sums[params.sumsOffset + row];
    factors.meanProduct = share * sums[params.sumsOffset + params.statistics + row];
  }
  return factors;
}

fn gradient(g: f32, x: f32, f: Factors) -> f32 {
  if (params.fixed != 0u) {
    return g * f.weight * f.rstd;
  }
  return f.rstd * (g * f.weight - f.meanGradient - (x - f.mean) * f.rstd * f.meanProduct);
}

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
  let u = g[params.gOffset / 4u + vector];
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
  dx[params.dxOffset / 4u + vector] =
    vec4<f32>(gradient(u.x, v.x, f0), gradient(u.y, v.y, f1), gradient(u.z, v.z, f2), gradient(u.w, v.w, f3));
}
