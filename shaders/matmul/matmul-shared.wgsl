// matmul-shared: C[b] = epilogue(alpha * A[b] · B[b] (+ bias) (+ C[b])) (+ residual[b]), any strides for A and B, unit column
// stride for C and the residual.
//
// For GPUs. A workgroup of 16 x 16 threads makes a TILE x TILE part of C: a thread 4 x 4 of each 64 x 64 block of it, so that
// what neighbours read of workgroup memory lies side by side. DEPTH k at a time, each thread loads one vec4 of A and one of
// B into workgroup memory (8.5 KiB), so that global memory is read TILE times less often; what comes next is on its way
// while a round is summed. Same order of summation as matmul.wgsl: one accumulator an element over k = 0, 1, ..., K - 1; past
// K both operands count as zero.
//
// Grid: x = ceil(M / TILE), y = ceil(N / TILE), z = batches.

const TILE: u32 = 64;    // spec: 128; rows and columns of C a workgroup makes
const DEPTH: u32 = 1024 / TILE;  // k a round
const FOURS: u32 = TILE / 4;     // vec4 of a row of a tile
const PITCH: u32 = FOURS + 1;    // keeps the transposing writes off one bank
const_assert TILE == 64 || TILE == 128;

var<workgroup> aTile: array<vec4f, DEPTH * PITCH>; // [k, m / 4]
var<workgroup> bTile: array<vec4f, DEPTH * PITCH>; // [k, n / 4]

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
  let batch0 = group.z / params.batch1;
  let batch1 = group.z % params.batch1;
  let row = group.x * TILE;
  let column = group.y * TILE;

  // Where in the tiles this thread's vec4 lies: neighbours in a warp read neighbours in memory.
  let aM = select(thread / (DEPTH / 4), thread % FOURS * 4, A_ALONG_M);
  let aK = select(thread % (DEPTH / 4) * 4, thread / FOURS, A_ALONG_M);
  let aStride = select(params.aColumn, params.aRow, A_ALONG_M);
  let aM4 = select(params.M - 1, (params.M - 1) / 4 * 4, A_ALONG_M);
  var aIndex = params.aOffset + batch0 * params.aBatch0 + batch1 * params.aBatch1 +
    min(row + aM, aM4) * params.aRow + aK * params.aColumn;
  let aLive = aK + select(vec4u(0, 1, 2, 3), vec4u(), A_ALONG_M);

  let bN = select(thread % FOURS * 4, thread / (DEPTH / 4), B_ALONG_K);
  let bK = select(thread / FOURS, thread % (DEPTH / 4) * 4, B_ALONG_K);
  let bStride = select(params.bColumn, params.bRow, B_ALONG_K);
  let bN4 = select((params.N - 1) / 4 * 4, params.N - 1, B_ALONG_K);
  var bIndex = params.bOffset + batch0 * params.bBatch0 + batch1 * params.bBatch1 +
    bK * params.bRow + min(column + bN, bN4) * params.bColumn;
  let bLive = bK + select(vec4u(), vec4u(0, 1, 2, 3), B_ALONG_K);

  let m = thread / 16;
  let n = thread % 16;
  var tile0 = mat4x4f(); // tile[i] is a row of C; with a TILE of 128: the block at the top left,
  var tile1 = mat4x4f(); // at the top right,
  var tile2 = mat4x4f(); // and the two below
  var tile3 = mat4x4f();
  var x = select(vec4f(), loadA(aIndex, aStride), aLive < vec4u(params.K));
  var y = select(vec4f(), loadB(bIndex, bStride), bLive < vec4u(params.K));
  for (var start = 0u; start < params.K; start += DEPTH) {
    workgroupBarrier();
    if (A_ALONG_M) {
      aTile[aK * PITCH + aM / 4] = x;
    } else {
      for (var i = 0u; i < 4; i++) {
        aTile[(aK + i) * PITCH + aM / 4][aM % 4] = x[i];
      }
    }
    if (B_ALONG_K) {
      for (var i = 0u; i < 4; i++) {
        bTile[(bK + i) * PITCH + bN / 4][bN % 4] = y[i];
      }
    } else {
      bTile[bK * PITCH + bN / 4] = y;
    }
    workgroupBarrier();
    aIndex += DEPTH * params.aColumn;
    bIndex += DEPTH * params.bRow;
    x = select(vec4f(), loadA(aIndex, aStride), start + DEPTH + aLive < vec4u(params.K));
    y = select(vec4f(), loadB(bIndex, bStride), start + DEPTH + bLive < vec4u(params.K));
    for (var k = 0u; k < DEPTH; k++) {
      let p = k * PITCH + m;
      let q = k * PITCH + n;
      tile0 = addOuter(tile0, aTile[p], bTile[q]);
      if (TILE > 64) {
        tile1 = addOuter(tile1, aTile[p], bTile[q + 16]);
        tile2 = addOuter(tile2, aTile[p + 16], bTile[q]);
        tile3 = addOuter(tile3, aTile[p + 16], bTile[q + 16]);
      }
    }
  }

  let cBase = params.cOffset + batch0 * params.cBatch0 + batch1 * params.cBatch1;
  let residualBase = params.residualOffset + batch0 * params.residualBatch0 + batch1 * params.residualBatch1;
  let cRow = params.cRow;
  let residualRow = params.residualRow;
  let biasOffset = params.biasOffset;
  let hasBias = params.hasBias != 0;
  let accumulate = params.accumulate != 0;
  let hasResidual = params.hasResidual != 0;
  let alpha = params.alpha;
  let blocks = TILE / 64;
  for (var i = 0u; i < 4 * blocks * blocks; i++) {
    let r = row + i / (4 * blocks) * 64 + m * 4 + i % 4; // row i % 4 of a block
    let right = i / 4 % blocks;
    let lower = i / (4 * blocks);
    var values = select(pick(tile0, i % 4), pick(tile1, i % 4), right == 1);
    values = select(values, select(pick(tile2, i % 4), pick(tile3, i % 4), right == 1), lower == 1);
    if (r < params.M) {
      let begin = column + right * 64 + n * 4;
      let end = min(begin + 4, params.N);
      for (var s = begin; s < end; s++) {
        let index = cBase + r * cRow + s;
        var value = alpha * values.x;
        if (hasBias) {
          value += bias[biasOffset + s];
        }
        if (accumulate) {
          value += c[index];
        }
        keep(index, value);
        value = epilogue(vec4f(value)).x;
        if (hasResidual) {
          value += residual[residualBase + r * residualRow + s];
        }
        c[index] = value;
        values = values.yzwx;
      }
    }
  }
}
