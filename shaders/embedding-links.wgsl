// Links equal ids into chains, so that their gradients are summed in a fixed order without atomics.
// links[i] = (1 if no earlier position has the same id else 0, next position with the same id or count).
struct Params {
  count: u32,
  idsOffset: u32,
  linksOffset: u32,
}

@group(0) @binding(0) var<storage, read> ids: array<u32>;
@group(0) @binding(1) var<storage, read_write> links: array<u32>;
@group(1) @binding(0) var<uniform> params: Params;

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
  let id = ids[params.idsOffset + i];
  var isFirst = 1u;
  for (var k = 0u; k < i; k++) {
    if (ids[params.idsOffset + k] == id) {
      isFirst = 0u;
      break;
    }
  }
  var next = i + 1u;
  while (next < params.count && ids[params.idsOffset + next] != id) {
    next++;
  }
  links[params.linksOffset + 2u * i] = isFirst;
  links[params.linksOffset + 2u * i + 1u] = next;
}
