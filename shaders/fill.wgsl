// y[i] = value, as 32-bit words, four an invocation.
struct Params {
  count: u32, // of vec4
  yOffset: u32, // in words
  value: u32, // bits
}

@group(0) @binding(0) var<storage, read_write> y: array<vec4<u32>>;
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) lane: u32,
) {
  let i = (group.y * groups.x + group.x) * 64u + lane;
  if (i < params.count) {
    y[params.yOffset / 4u + i] = vec4<u32>(params.value);
  }
}
