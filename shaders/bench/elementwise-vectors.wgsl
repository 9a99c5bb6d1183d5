// y = a + b: one invocation adds four pairs of numbers, which are read and written as one vector each.
// grid: ceil(N / 256)

struct Params {
  N: u32,
}

@group(0) @binding(0) var<storage, read> a: array<vec4f>;       // [N], padded to whole vectors
@group(0) @binding(1) var<storage, read> b: array<vec4f>;       // [N]
@group(0) @binding(2) var<storage, read_write> y: array<vec4f>; // [N]
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
        @builtin(local_invocation_index) lane: u32) {
  let i = (group.y * groups.x + group.x) * 64 + lane;
  if (i < (params.N + 3) / 4) {
    y[i] = a[i] + b[i];
  }
}
