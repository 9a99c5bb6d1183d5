// What the adapter's memory can do: y = x, four vectors an invocation.

struct Params {
  vectors: u32,
}

const BESIDE = false; // spec: true when an invocation's vectors lie beside each other, else a workgroup apart

@group(0) @binding(0) var<storage, read> x: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> y: array<vec4f>;
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
        @builtin(local_invocation_index) lane: u32) {
  let begin = (group.y * groups.x + group.x) * 256 + select(lane, 4 * lane, BESIDE);
  let step = select(64u, 1u, BESIDE);
  for (var n = 0u; n < 4; n++) {
    let i = begin + n * step;
    if (i < params.vectors) {
      y[i] = x[i];
    }
  }
}
