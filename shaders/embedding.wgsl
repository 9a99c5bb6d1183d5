// y[i] = table[ids[i]], rows of `columns` elements. Writes only the rows whose id lies in the window
// [begin, end) that is bound, so that a table over the binding limit is read in several passes.
struct Params {
  count: u32, // ids * columns
  columns: u32,
  begin: u32,
  end: u32,
  tableOffset: u32, // of row `begin`
  idsOffset: u32,
  yOffset: u32,
}

@group(0) @binding(0) var<storage, read> table: array<f32>;
@group(0) @binding(1) var<storage, read> ids: array<u32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
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
  let id = ids[params.idsOffset + i / params.columns];
  if (id >= params.begin && id < params.end) {
    y[params.yOffset + i] = table[params.tableOffset + (id - params.begin) * params.columns + i % params.columns];
  }
}
