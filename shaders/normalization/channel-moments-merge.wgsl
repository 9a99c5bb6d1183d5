// Mean and variance of each channel from those of its chunks, x [chunks, 3, channels] (mean, variance, count), and the
// running statistics moved towards them: running = keep * running + momentum * (mean | variance * total / (total - 1)).
// LANES invocations share a channel: 1 on software adapters, where barriers cost more than they save.
const LANES: u32 = 64u;
const ROWS: u32 = 1u; // channels a workgroup handles
const TRACK: bool = false; // whether there are running statistics

struct Params {
  channels: u32,
  chunks: u32,
  total: f32, // elements a channel
  keep: f32, // 1 - momentum
  momentum: f32,
  xOffset: u32,
  meanOffset: u32,
  varianceOffset: u32,
  runningMeanOffset: u32,
  runningVarianceOffset: u32,
}

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> mean: array<f32>;
@group(0) @binding(2) var<storage, read_write> variance: array<f32>;
@group(0) @binding(3) var<storage, read_write> runningMean: array<f32>;
@group(0) @binding(4) var<storage, read_write> runningVariance: array<f32>;
@group(1) @binding(0) var<uniform> params: Params;

var<workgroup> partial: array<f32, LANES * ROWS>;

fn sumOverLanes(value: f32, base: u32, lane: u32) -> f32 {
  if (LANES == 1u) {
    return value;
  }
  workgroupBarrier();
  partial[base + lane] = value;
  for (var step = LANES / 2u; step > 0u; step /= 2u) {
    workgroupBarrier();
    if (lane < step) {
      partial[base + lane] += partial[base + lane + step];
    }
  }
  workgroupBarrier();
  return partial[base];
}

@compute @workgroup_size(LANES, ROWS)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_id) local: vec3<u32>,
) {
  let lane = local.x;
  let base = local.y * LANES;
  let index = (group.y * groups.x + group.x) * ROWS + local.y;
  let channel = min(index, params.channels - 1u);
  let p = params.xOffset + channel;
  var center = x[p];
  var spread = x[p + params.channels];

  if (params.chunks > 1u) {
    // Both sums are of differences from a mean, so that nothing cancels.
    let origin = center;
    var total = 0.0;
    for (var k = lane; k < params.chunks; k += LANES) {
      let q = p + k * 3u * params.channels;
      total += x[q + 2u * params.channels] * (x[q] - origin);
    }
    center = origin + sumOverLanes(total, base, lane) / params.total;
    total = 0.0;
    for (var k = lane; k < params.chunks; k += LANES) {
      let q = p + k * 3u * params.channels;
      let d = x[q] - center;
      total += x[q + 2u * params.channels] * (x[q + params.channels] + d * d);
    }
    spread = sumOverLanes(total, base, lane) / params.total;
  }
  if (lane == 0u && index < params.channels) { // once: running statistics are read and written
    mean[params.meanOffset + channel] = center;
    variance[params.varianceOffset + channel] = spread;
    if (TRACK) {
      let m = params.runningMeanOffset + channel;
      let v = params.runningVarianceOffset + channel;
      runningMean[m] = params.keep * runningMean[m] + params.momentum * center;
      runningVariance[v] = params.keep * runningVariance[v] + params.momentum * (spread * (params.total / (params.total - 1.0)));
    }
  }
}
