// matmul-parts: the second pass of a product that is summed in parts of k,
// C[b] = epilogue(P[0, b] (+ bias) (+ C[b]) + P[1, b] + P[2, b] + ...) (+ residual[b]), added from the left.
//
// That is the order of products made one after another, each added to C, so the bits are the same. A workgroup makes
// 16 columns of 16 rows. No element's place takes a division: processors have none for vectors of integers.
//
// Grid: x = ceil(N / 16), y = ceil(M / 16), z = batches, or fewer: workgroups then go on.

struct Params {
  batches: u32,
  M: u32,
  N: u32,
  chunks: u32,
  partStride: u32, // from a part to the next
  partsOffset: u32, // offsets and strides count elements
  cOffset: u32,
  biasOffset: u32,
  residualOffset: u32,
  partRow: u32,
  cRow: u32,
  residualRow: u32,
  batch1: u32, // batch = i0 * batch1 + i1
  partBatch0: u32,
  partBatch1: u32,
  cBatch0: u32,
  cBatch1: u32,
  residualBatch0: u32,
  residualBatch1: u32,
  hasBias: u32,
  hasResidual: u32,
  accumulate: u32,
  activation: u32,   // which one the epilogue applies
  keepDistance: u32, // from an element of C to where what the epilogue is applied to is kept; 0: nowhere
}

@group(0) @binding(0) var<storage, read> parts: array<f32>;
@group(0) @binding(1) var<storage, read> bias: array<f32>;     // [N]; never read unless hasBias
@group(0) @binding(2) var<storage, read> residual: array<f32>; // never read unless hasResidual
@group(0) @binding(3) var<storage, read_write> c: array<f32>;
@group(1) @binding(0) var<uniform> params: Params;

fn makeElement(m: u32, n: u32, partBase: u32, cBase: u32, residualBase: u32) {
  let index = cBase + m * params.cRow + n;
  var at = partBase + m * params.partRow + n;
  var value = parts[at];
  if (params.hasBias != 0) {
    value += bias[params.biasOffset + n];
  }
  if (params.accumulate != 0) {
    value += c[index];
  }
  let chunks = params.chunks;
  let stride = params.partStride;
  for (var part = 1u; part < chunks; part++) {
    at += stride;
    value += parts[at];
  }
  keep(index, value);
  value = epilogue(vec4f(value)).x;
  if (params.hasResidual != 0) {
    value += residual[residualBase + m * params.residualRow + n];
  }
  c[index] = value;
}

@compute @workgroup_size(16, 4)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_id) local: vec3u,
) {
  let M = params.M;
  let N = params.N;
  for (var batch = group.z; batch < params.batches; batch += groups.z) {
    let batch0 = batch / params.batch1;
    let batch1 = batch % params.batch1;
    let partBase = params.partsOffset + batch0 * params.partBatch0 + batch1 * params.partBatch1;
    let cBase = params.cOffset + batch0 * params.cBatch0 + batch1 * params.cBatch1;
    let residualBase = params.residualOffset + batch0 * params.residualBatch0 + batch1 * params.residualBatch1;
    for (var m = group.y * 4 + local.y; m < M; m += groups.y * 4) {
      for (var n = group.x * 16 + local.x; n < N; n += groups.x * 16) {
        makeElement(m, n, partBase, cBase, residualBase);
      }
    }
  }
}
