// y[i, c] = 1 where ids[i] = c, else 0; an id that is no class gives a row of zeros.
struct Params {
  count: u32, // elements of y to write
  begin: u32, // the first of them
  classes: u32,
  idsOffset: u32,
  yOffset: u32,
}

@group(0) @binding(0) var<storage, read> ids: array<u32>; // i32 as its bits: a negative one is no class
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
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
  let place = params.begin + i;
  let id = ids[params.idsOffset + place / params.classes];
  y[params.yOffset + i] = select(0.0, 1.0, id == place % params.classes);
}
