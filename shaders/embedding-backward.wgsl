// Gradient of an embedding: dtable[id] = sum of g[i] over the positions i with that id, in ascending order.
// The first position of each id sums its whole chain. Rows outside the bound window [begin, end) are skipped,
// rows no id names keep their zeros.
struct Params {
  count: u32, // ids * columns
  positions: u32, // ids
  columns: u32,
  begin: u32,
  end: u32,
  gOffset: u32,
  idsOffset: u32,
  linksOffset: u32,
  tableOffset: u32, // of row `begin`
}

@group(0) @binding(0) var<storage, read> g: array<f32>;
@group(0) @binding(1) var<storage, read> ids: array<u32>;
@group(0) @binding(2) var<storage, read> links: array<u32>;
@group(0) @binding(3) var<storage, read_write> table: array<f32>;
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
  var position = i / params.columns;
  let column = i % params.columns;
  let id = ids[params.idsOffset + position];
  if (links[params.linksOffset + 2u * position] == 0u || id < params.begin || id >= params.end) {
    return;
  }
  var total = 0.0;
  while (position < params.positions) {
    total += g[params.gOffset + position * params.columns + column];
    position = links[params.linksOffset + 2u * position + 1u];
  }
  table[params.tableOffset + (id - params.begin) * params.columns + column] = total;
}
