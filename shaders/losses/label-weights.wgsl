// Whether each label counts: 1, or 0 for the ignored one, and NaN for one that is no class.
struct Params {
  count: u32,
  classes: u32,
  ignoreIndex: i32,
  invalid: f32, // NaN
  labelsOffset: u32,
  yOffset: u32,
}

@group(0) @binding(0) var<storage, read> labels: array<i32>;
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
  let label = labels[params.labelsOffset + i];
  let weight = select(params.invalid, 1.0, label >= 0 && u32(label) < params.classes);
  y[params.yOffset + i] = select(weight, 0.0, label == params.ignoreIndex);
}
