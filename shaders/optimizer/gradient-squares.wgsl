// Sums of squares of gradients, 16 for each unit: of the vectors of a unit, 16 invocations take each in turn. A unit is a
// stretch of one parameter: its first vector, its elements, its class, and its place among all units, which is where its
// sums go.
struct Params {
  unitCount: u32,
  firstUnit: u32,
  origin: u32, // the vector that the gradient's offset stands for
  unitsOffset: u32,
  gradientOffset: u32,
  ordinal: u32, // place of the run's first unit, whose sums come first
  sumsOffset: u32,
}

@group(0) @binding(0) var<storage, read> units: array<u32>; // [units, 4]
@group(0) @binding(1) var<storage, read> gradient: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> sums: array<f32>;
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) lane: u32,
) {
  let index = (group.y * groups.x + group.x) * 4u + lane / 16u;
  if (index >= params.unitCount) {
    return;
  }
  let unit = params.unitsOffset + (params.firstUnit + index) * 4u;
  let base = params.gradientOffset / 4u + units[unit] - params.origin;
  let count = units[unit + 1u];
  var total = vec4(0.0);
  for (var i = lane % 16u; i * 4u < count; i += 16u) {
    let g = select(vec4(0.0), gradient[base + i], i * 4u + vec4(0u, 1u, 2u, 3u) < vec4(count));
    total += g * g;
  }
  sums[params.sumsOffset + (units[unit + 3u] - params.ordinal) * 16u + lane % 16u] = ((total.x + total.y) + total.z) + total.w;
}
