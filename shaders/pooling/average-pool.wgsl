// Mean of each window of the planes of x [planes, height, width]: y [planes, outHeight, outWidth]. A window is summed
// row by row and divided by its count, which is that of the elements or of the places up to the end of the padding.
struct Params {
  sizes: vec4<u32>, // height, width, outHeight, outWidth
  kernel: vec4<u32>, // height, width, stride down, stride right
  padding: vec4<u32>, // top, left, bottom, right
  spread: vec4<u32>, // dilation down, dilation right, adaptive, include padding in counts
  count: u32, // planes * outHeight * outWidth
  xOffset: u32,
  yOffset: u32,
}

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(1) @binding(0) var<uniform> params: Params;

/** The places of output `o`'s window along an axis that hold elements: first, the one after the last, step. */
fn windowPlaces(o: u32, axis: u32) -> vec3<u32> {
  let size = params.sizes[axis];
  if (params.spread.z != 0u) {
    let n = params.sizes[axis + 2u];
    return vec3<u32>(o * size / n, ((o + 1u) * size + n - 1u) / n, 1u);
  }
  let step = params.spread[axis];
  let begin = o * params.kernel[axis + 2u]; // counted from the start of the padding
  let before = params.padding[axis];
  let skipped = select(0u, (before - begin + step - 1u) / step, before > begin);
  let end = min(begin + (params.kernel[axis] - 1u) * step + 1u, before + size);
  let first = begin + skipped * step;
  return vec3<u32>(first - before, max(end, first) - before, step);
}

/** What output `o`'s window counts along an axis. */
fn windowCount(o: u32, axis: u32, places: vec3<u32>) -> u32 {
  if (params.spread.w == 0u) {
    return (places.y - places.x + places.z - 1u) / places.z;
  }
  let begin = o * params.kernel[axis + 2u];
  let all = params.padding[axis] + params.sizes[axis] + params.padding[axis + 2u];
  return min(params.kernel[axis], (all - begin + places.z - 1u) / places.z);
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
  let line = i / params.sizes.w;
  let index = line / params.sizes.z;
  let right = i - line * params.sizes.w;
  let down = line - index * params.sizes.z;
  let plane = params.xOffset + index * params.sizes.x * params.sizes.y;
  let rows = windowPlaces(down, 0u);
  let columns = windowPlaces(right, 1u);

  var total = 0.0;
  for (var h = rows.x; h < rows.y; h += rows.z) {
    for (var w = columns.x; w < columns.y; w += columns.z) {
      total += x[plane + h * params.sizes.y + w];
    }
  }
  let count = windowCount(down, 0u, rows) * windowCount(right, 1u, columns);
  y[params.yOffset + i] = total / f32(max(count, 1u));
}
