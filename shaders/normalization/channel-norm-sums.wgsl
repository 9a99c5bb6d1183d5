// First stage of the gradients of channel_norm: for the channels of g and x [outer, channels, inner], by chunks of
// their outer * inner elements, y [chunks, 2, stride] gets sum(g) and sum(g * normalized).
// Statistics are shared by groups of `perStatistic` channels: one each in batch normalisation.
// LANES invocations share a row: 1 on software adapters, where barriers cost more than they save.
const LANES: u32 = 64u;
const ROWS: u32 = 1u; // rows (chunk, channel) a workgroup handles

struct Params {
  rows: u32, // chunks * channels
  channels: u32,
  inner: u32,
  total: u32, // outer * inner
  chunk: u32,
  stride: u32, // channels a line of y has
  firstChunk: u32, // where in y this window of x begins
  firstChannel: u32,
  perStatistic: u32,
  epsilon: f32,
  gOffset: u32,
  xOffset: u32,
  meanOffset: u32,
  varianceOffset: u32,
  yOffset: u32,
}

@group(0) @binding(0) var<storage, read> g: array<f32>;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> mean: array<f32>;
@group(0) @binding(3) var<storage, read> variance: array<f32>;
@group(0) @binding(4) var<storage, read_write> y: array<f32>;
@group(1) @binding(0) var<uniform> params: Params;

var<workgroup> partial: array<vec2<f32>, LANES * ROWS>;

@compute @workgroup_size(LANES, ROWS)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_id) local: vec3<u32>,
) {
  let lane = local.x;
  let base = local.y * LANES;
  let index = (group.y * groups.x + group.x) * ROWS + local.y;
  let row = min(index, params.rows - 1u); // spare invocations repeat the last row and write the same
  let channel = row % params.channels;
  let begin = (row / params.channels) * params.chunk;
  let end = min(begin + params.chunk, params.total);
  let skip = (params.channels - 1u) * params.inner; // between the end of a plane and the channel's next one
  let statistic = (params.firstChannel + channel) / params.perStatistic;
  let center = mean[params.meanOffset + statistic];
  let rstd = 1.0 / sqrt(variance[params.varianceOffset + statistic] + params.epsilon);

  let first = begin + lane;
  var s = first % params.inner;
  var p = ((first / params.inner) * params.channels + channel) * params.inner + s;
  var sums = vec2<f32>(0.0);
  for (var k = first; k < end; k += LANES) {
    let gradient = g[params.gOffset + p];
    sums += vec2<f32>(gradient, gradient * ((x[params.xOffset + p] - center) * rstd));
    s += LANES;
    p += LANES;
    if (s >= params.inner) {
      let planes = s / params.inner;
      s -= planes * params.inner;
      p += planes * skip;
    }
  }
  if (LANES > 1u) {
    partial[base + lane] = sums;
    for (var step = LANES / 2u; step > 0u; step /= 2u) {
      workgroupBarrier();
      if (lane < step) {
        partial[base + lane] += partial[base + lane + step];
      }
    }
    workgroupBarrier();
    sums = partial[base];
  }
  if (lane == 0u) {
    let q = params.yOffset + (params.firstChunk + row / params.channels) * 2u * params.stride + params.firstChannel + channel;
    y[q] = sums.x;
    y[q + params.stride] = sums.y;
  }
}
