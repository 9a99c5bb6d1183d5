// Puts up to seven gradients into their places in one buffer. Vectors are counted through all of them: those of a
// gradient end before its `end`, and the first one goes to its `place`.
struct Params {
  count: u32, // of vec4, of all gradients
  end0: u32,
  end1: u32,
  end2: u32,
  end3: u32,
  end4: u32,
  end5: u32,
  place0: u32,
  place1: u32,
  place2: u32,
  place3: u32,
  place4: u32,
  place5: u32,
  place6: u32,
  x0Offset: u32,
  x1Offset: u32,
  x2Offset: u32,
  x3Offset: u32,
  x4Offset: u32,
  x5Offset: u32,
  x6Offset: u32,
}

@group(0) @binding(0) var<storage, read> x0: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> x1: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> x2: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> x3: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read> x4: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read> x5: array<vec4<f32>>;
@group(0) @binding(6) var<storage, read> x6: array<vec4<f32>>;
@group(0) @binding(7) var<storage, read_write> y: array<vec4<f32>>;
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
  if (i < params.end0) {
    y[params.place0 + i] = x0[params.x0Offset / 4u + i];
  } else if (i < params.end1) {
    y[params.place1 + i - params.end0] = x1[params.x1Offset / 4u + i - params.end0];
  } else if (i < params.end2) {
    y[params.place2 + i - params.end1] = x2[params.x2Offset / 4u + i - params.end1];
  } else if (i < params.end3) {
    y[params.place3 + i - params.end2] = x3[params.x3Offset / 4u + i - params.end2];
  } else if (i < params.end4) {
    y[params.place4 + i - params.end3] = x4[params.x4Offset / 4u + i - params.end3];
  } else if (i < params.end5) {
    y[params.place5 + i - params.end4] = x5[params.x5Offset / 4u + i - params.end4];
  } else {
    y[params.place6 + i - params.end5] = x6[params.x6Offset / 4u + i - params.end5];
  }
}
