// Mean and variance of each channel of x [outer, channels, inner], by chunks of its outer * inner elements:
// y [chunks, 3, stride] gets, per chunk and channel, mean, variance (over the count) and count.
// Two passes, so that nothing cancels; the second also corrects the rounding of the first one's mean.
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
  xOffset: u32,
  yOffset: u32,
}

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(1) @binding(0) var<uniform> params: Params;

var<workgroup> partial: array<vec2<f32>, LANES * ROWS>;

fn sumOverLanes(value: vec2<f32>, base: u32, lane: u32) -> vec2<f32> {
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
  let row = min(index, params.rows - 1u); // spare invocations repeat the last row and write the same
  let channel = row % params.channels;
  let begin = (row / params.channels) * params.chunk;
  let end = min(begin + params.chunk, params.total);
  let count = f32(end - begin);
  let skip = (params.channels - 1u) * params.inner; // between the end of a plane and the channel's next one
  let first = begin + lane;
  let firstPlace = params.xOffset + ((first / params.inner) * params.channels + channel) * params.inner;

  var total = 0.0;
  var s = first % params.inner;
  var p = firstPlace + s;
  for (var k = first; k < end; k += LANES) {
    total += x[p];
    s += LANES;
    p += LANES;
    if (s >= params.inner) {
      let planes = s / params.inner;
      s -= planes * params.inner;
      p += planes * skip;
    }
  }
  let mean = sumOverLanes(vec2<f32>(total, 0.0), base, lane).x / count;

  var sums = vec2<f32>(0.0);
  s = first % params.inner;
  p = firstPlace + s;
  for (var k = first; k < end; k += LANES) {
    let d = x[p] - mean;
    sums += vec2<f32>(d, d * d);
    s += LANES;
    p += LANES;
    if (s >= params.inner) {
      let planes = s / params.inner;
      s -= planes * params.inner;
      p += planes * skip;
    }
  }
  sums = sumOverLanes(sums, base, lane);
  let shift = sums.x / count;
  let variance = (sums.y - sums.x * shift) / count;
  let bits = bitcast<u32>(variance);
  if (lane == 0u) {
    let q = params.yOffset + (params.firstChunk + row / params.channels) * 3u * params.stride + params.firstChannel + channel;
    y[q] = mean + shift;
    y[q + params.stride] = select(variance, 0.0, bits > 0x80000000u && bits <= 0xff800000u); // below 0, and no NaN
    y[q + 2u * params.stride] = count;
  }
}
