// y = a + b: one invocation adds four vectors that lie a workgroup apart, so that fewer invocations start and neighbours
// still read neighbouring vectors.
// grid: ceil(N / 1024)

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
  let begin = (group.y * groups.x + group.x) * 256 + lane;
  let end = min(begin + 256, (params.N + 3) / 4);
  for (var i = begin; i < end; i += 64) {
    y[i] = a[i] + b[i];
  }
}
