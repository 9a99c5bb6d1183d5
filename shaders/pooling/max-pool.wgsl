// Largest element of each window of the planes of x [planes, height, width], and which it was.
// y and taps are [planes, outHeight, outWidth]; a tap counts the window's places row by row, -1 where it has none.
// Of equal elements the first is taken; a NaN is the largest of all. Values are copied as bits and compared as integers.
struct Params {
  sizes: vec4<u32>, // height, width, outHeight, outWidth
  kernel: vec4<u32>, // height, width, stride down, stride right
  padding: vec4<u32>, // top, left, bottom, right
  spread: vec4<u32>, // dilation down, dilation right, adaptive, include padding in counts
  count: u32, // planes * outHeight * outWidth
  xOffset: u32,
  yOffset: u32,
  tapsOffset: u32,
}

@group(0) @binding(0) var<storage, read> x: array<u32>;
@group(0) @binding(1) var<storage, read_write> y: array<u32>;
@group(0) @binding(2) var<storage, read_write> taps: array<i32>;
@group(1) @binding(0) var<uniform> params: Params;

/** Where the window of output `o` starts along an axis; before 0 in the padding. */
fn windowBegin(o: u32, axis: u32) -> i32 {
  if (params.spread.z != 0u) {
    return i32(o * params.sizes[axis] / params.sizes[axis + 2u]);
  }
  return i32(o * params.kernel[axis + 2u]) - i32(params.padding[axis]);
}

/** How many places the window of output `o` has along an axis. */
fn windowLength(o: u32, axis: u32) -> u32 {
  if (params.spread.z != 0u) {
    let n = params.sizes[axis + 2u];
    return ((o + 1u) * params.sizes[axis] + n - 1u) / n - o * params.sizes[axis] / n;
  }
  return params.kernel[axis];
}

/** A number that grows with the float of these bits: equal for both zeros, greatest for NaN, never 0. */
fn orderOf(bits: u32) -> u32 {
  let magnitude = bits & 0x7fffffffu;
  if (magnitude > 0x7f800000u) {
    return 0xffffffffu;
  }
  return select(0x80000000u + magnitude, 0x80000000u - magnitude, bits > 0x7fffffffu);
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
  let top = windowBegin(down, 0u);
  let left = windowBegin(right, 1u);
  let rows = windowLength(down, 0u);
  let columns = windowLength(right, 1u);

  var largest = 0xff800000u; // -infinity, the maximum of nothing
  var order = 0u;
  var tap = -1;
  for (var r = 0u; r < rows; r++) {
    let h = top + i32(r * params.spread.x);
    if (h < 0 || h >= i32(params.sizes.x)) {
      continue;
    }
    let row = plane + u32(h) * params.sizes.y;
    for (var c = 0u; c < columns; c++) {
      let w = left + i32(c * params.spread.y);
      if (w < 0 || w >= i32(params.sizes.y)) {
        continue;
      }
      let bits = x[row + u32(w)];
      let own = orderOf(bits);
      if (own > order || own == 0xffffffffu) {
        order = own;
        largest = bits;
        tap = i32(r * params.kernel.y + c);
      }
    }
  }
  y[params.yOffset + i] = largest;
  taps[params.tapsOffset + i] = tap;
}
