// matmul-subgroup-matrix: C[b] = epilogue(alpha * A[b] · B[b] (+ bias) (+ C[b])) (+ residual[b]), any strides for A and B,
// unit column stride for C and the residual.
//
// EXPERIMENTAL: checked against Dawn's WGSL front end, and never yet run, for want of an adapter with matrix units.
//
// A workgroup of as many invocations as the largest subgroup makes 2 x 2 matrices of C, of MATRIX_M x MATRIX_N elements, by
// Dawn's subgroup matrices. MATRIX_K at a time, the operands are laid into workgroup memory, so that strides and edges need
// nothing of their own: past K both operands count as zero, and rows and columns past C are made and not stored. Where a
// subgroup is smaller, those of a workgroup make the same, and store the same values. How the units group sums over k is
// theirs, and not the order of matmul.wgsl.
//
// Grid: x = ceil(M / ROWS), y = ceil(N / COLUMNS), z = batches.

enable chromium_experimental_subgroup_matrix;

alias Operand = f32;     // spec: f16, what the units multiply; both operands are halves then
const MATRIX_M: u32 = 8; // spec: the shape of the adapter's matrices, multiples of 4
const MATRIX_N: u32 = 8;
const MATRIX_K: u32 = 8;
const LANES: u32 = 128;   // spec: invocations of the largest subgroup
const ROWS: u32 = 2 * MATRIX_M;
const COLUMNS: u32 = 2 * MATRIX_N;
const_assert MATRIX_M % 4 == 0 && MATRIX_N % 4 == 0 && MATRIX_K % 4 == 0;

alias Left = subgroup_matrix_left<Operand, MATRIX_K, MATRIX_M>; // columns, rows
alias Right = subgroup_matrix_right<Operand, MATRIX_N, MATRIX_K>;
alias Result = subgroup_matrix_result<f32, MATRIX_N, MATRIX_M>;

var<workgroup> aTile: array<Operand, ROWS * MATRIX_K>;    // [m, k]
var<workgroup> bTile: array<Operand, MATRIX_K * COLUMNS>; // [k, n]
var<workgroup> cTile: array<f32, ROWS * COLUMNS>;         // [m, n]

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
  let batch0 = group.z / params.batch1;
  let batch1 = group.z % params.batch1;
  let row = group.x * ROWS;
  let column = group.y * COLUMNS;
  let aBase = params.aOffset + batch0 * params.aBatch0 + batch1 * params.aBatch1;
  let bBase = params.bOffset + batch0 * params.bBatch0 + batch1 * params.bBatch1;
  let aStride = select(params.aColumn, params.aRow, A_ALONG_M);
  let bStride = select(params.bColumn, params.bRow, B_ALONG_K);
  // Loads of what is past C are clamped into the operands.
  let aLast = select(params.M - 1, (params.M - 1) / 4 * 4, A_ALONG_M);
  let bLast = select((params.N - 1) / 4 * 4, params.N - 1, B_ALONG_K);

  var result00: Result;
  var result01: Result;
  var result10: Result;
  var result11: Result;
  for (var start = 0u; start < params.K; start += MATRIX_K) {
    workgroupBarrier();
    for (var i = thread; i < ROWS * MATRIX_K / 4; i += LANES) {
      let m = select(i / (MATRIX_K / 4), i % (ROWS / 4) * 4, A_ALONG_M);
      let k = select(i % (MATRIX_K / 4) * 4, i / (ROWS / 4), A_ALONG_M);
      let isLive = start + k + select(vec4u(0, 1, 2, 3), vec4u(), A_ALONG_M) < vec4u(params.K);
      let index = aBase + min(row + m, aLast) * params.aRow + (start + k) * params.aColumn;
      let x = select(vec4f(), loadA(index, aStride), isLive);
      let step = select(1u, MATRIX_K, A_ALONG_M);
      for (var j = 0u; j < 4; j++) {
        aTile[m * MATRIX_K + k + j * step] = Operand(x[j]);
      }
    }
    for (var i = thread; i < MATRIX_K * COLUMNS / 4; i += LANES) {
      let n = select(i % (COLUMNS / 4) * 4, i / (MATRIX_K / 4), B_ALONG_K);
      let k = select(i / (COLUMNS / 4), i % (MATRIX_K / 4) * 4, B_ALONG_K);
      let isLive = start + k + select(vec4u(), vec4u(0, 1, 2, 3), B_ALONG_K) < vec4u(params.K);
      let index = bBase + (start + k) * params.bRow + min(column + n, bLast) * params.bColumn;
      let y = select(vec4f(), loadB(index, bStride), isLive);
      let step = select(1u, COLUMNS, B_ALONG_K);
      for (var j = 0u; j < 4; j++) {
        bTile[k * COLUMNS + n + j * step] = Operand(y[j]);
      }
    }
    workgroupBarrier();
    let upper = subgroupMatrixLoad<Left, row_major>(&aTile, 0, MATRIX_K);
    let lower = subgroupMatrixLoad<Left, row_major>(&aTile, MATRIX_M * MATRIX_K, MATRIX_K);
    let left = subgroupMatrixLoad<Right, row_major>(&bTile, 0, COLUMNS);
    let right = subgroupMatrixLoad<Right, row_major>(&bTile, MATRIX_N, COLUMNS);
    result00 = subgroupMatrixMultiplyAccumulate(upper, left, result00);
    result01 = subgroupMatrixMultiplyAccumulate(upper, right, result01);
    result10 = subgroupMatrixMultiplyAccumulate(lower, left, result10);
    result11 = subgroupMatrixMultiplyAccumulate(lower, right, result11);
  }
  subgroupMatrixStore<row_major>(&cTile, 0, result00, COLUMNS);
  subgroupMatrixStore<row_major>(&cTile, MATRIX_N, result01, COLUMNS);
  subgroupMatrixStore<row_major>(&cTile, MATRIX_M * COLUMNS, result10, COLUMNS);
  subgroupMatrixStore<row_major>(&cTile, MATRIX_M * COLUMNS + MATRIX_N, result11, COLUMNS);
  workgroupBarrier();

  let cBase = params.cOffset + batch0 * params.cBatch0 + batch1 * params.cBatch1;
  let residualBase = params.residualOffset + batch0 * params.residualBatch0 + batch1 * params.residualBatch1;
  for (var i = thread; i < ROWS * COLUMNS; i += LANES) {
    let r = row + i / COLUMNS;
    let s = column + i % COLUMNS;
    if (r < params.M && s < params.N) {
      let index = cBase + r * params.cRow + s;
      var value = params.alpha * cTile[i];
      if (params.hasBias != 0) {
        value += bias[params.biasOffset + s];
      }
      if (params.accumulate != 0) {
        value += c[index];
      }
      keep(index, value);
      value = epilogue(vec4f(value)).x;
      if (params.hasResidual != 0) {
        value += residual[residualBase + r * params.residualRow + s];
      }
      c[index] = value;
    }
  }
}
