// y[i] = x[1024 i] + x[1024 i + 1] + …, in order.
struct Params {
  count: u32, // of x
  xOffset: u32,
  yOffset: u32,
}

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) lane: u32,
) {
  let i = (group.y * groups.x + group.x) * 64u + lane;
  if (i * 1024u >= params.count) {
    return;
  }
  let end = min((i + 1u) * 1024u, params.count);
  var total = 0.0;
  for (var k = i * 1024u; k < end; k++) {
    total += x[params.xOffset + k];
  }
  y[params.yOffset + i] = total;
}
