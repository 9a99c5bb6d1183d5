// One draw from the distribution of a row of weights by the inverse of its cumulative sum: the first column whose
// running sum exceeds uniform * total. Sums run in order from the first column, so every adapter draws the same.
struct Params {
  count: u32, // draws: rows * samples
  columns: u32,
  samples: u32, // draws a row
  weightsOffset: u32,
  uniformsOffset: u32,
  yOffset: u32,
}

@group(0) @binding(0) var<storage, read> weights: array<f32>; // [rows, columns], not negative
@group(0) @binding(1) var<storage, read> uniforms: array<f32>; // [rows, samples] in [0, 1)
@group(0) @binding(2) var<storage, read_write> y: array<i32>; // [rows, samples]
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
  let row = params.weightsOffset + i / params.samples * params.columns;
  var total = 0.0;
  for (var column = 0u; column < params.columns; column++) {
    total += weights[row + column];
  }
  let limit = uniforms[params.uniformsOffset + i] * total;
  var chosen = 0u;
  var sum = 0.0;
  for (var column = 0u; column < params.columns; column++) {
    let weight = weights[row + column];
    sum += weight;
    if (weight > 0.0) {
      chosen = column; // where rounding keeps the sum at the limit, the last column that has a weight
    }
    if (sum > limit) {
      break;
    }
  }
  y[params.yOffset + i] = i32(chosen);
}
