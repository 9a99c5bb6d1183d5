// y *= factor, a number on the device; nothing is read or written when that is 1. A workgroup takes LANES * STEPS vectors.
const LANES: u32 = 64u;
const STEPS: u32 = 16u;

struct Params {
  count: u32, // of vec4
  factorOffset: u32,
  yOffset: u32,
}

@group(0) @binding(0) var<storage, read> factor: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<vec4<f32>>;
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(LANES)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) lane: u32,
) {
  let scale = factor[params.factorOffset];
  if (bitcast<u32>(scale) == 0x3f800000u) {
    return;
  }
  let tile = group.y * groups.x + group.x;
  let end = min((tile + 1u) * LANES * STEPS, params.count);
  for (var v = tile * LANES * STEPS + lane; v < end; v += LANES) {
    y[params.yOffset / 4u + v] *= scale;
  }
}
