// convolution-shared: the product of convolution-product.wgsl, for GPUs.
//
// A workgroup of 16 x 16 threads makes a 64 x 64 tile, a thread 4 x 4 of it, as matmul-shared.wgsl does. Sixteen steps
// of the inner index (i, j, l) at a time, each thread loads four rows of A and four columns of S at one step into
// workgroup memory (8.5 KiB). Steps are counted through all of a part, so that few channels waste none.

const TILE: u32 = 64;    // rows and columns a workgroup makes
const DEPTH: u32 = 16;   // steps a round
const PITCH: u32 = TILE + 4; // keeps writes along the steps off one bank
const_assert TILE * DEPTH == 256 * 4;

var<workgroup> aTile: array<f32, DEPTH * PITCH>; // [step, m]
var<workgroup> sTile: array<f32, DEPTH * PITCH>; // [step, n]

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) thread: u32) {
  let index = workgroup.y * workgroups.x + workgroup.x;
  if (index >= params.tiles) {
    return;
  }
  let task = taskOf(index);
  let row = task.rowTile * TILE;
  let firstColumn = task.columnTile * TILE;
  if (firstColumn >= task.N) {
    return;
  }

  // The step this thread loads in each round, and at which rows and columns: neighbours read neighbours in memory,
  // which lie along the columns of the output or, in the weight gradient, along l.
  let isAlongL = params.lX != 0;
  let ownStep = select(thread / 16, thread % 16, isAlongL);
  let own = 4 * select(thread % 16, thread / 16, isAlongL);
  let aRow = rowsFrom(row + own + vec4u(0, 1, 2, 3), task);
  let aI = params.aI * params.tapStepY;
  let aJ = params.aJ * params.tapStepX;
  let origin = originOf(columnsFrom(firstColumn + own, task.V, task.W), task);
  let depth = task.depth;
  let steps = (task.ijEnd - min(task.ijBegin, task.ijEnd)) * depth;

  let m = thread / 16 * 4;
  let n = thread % 16 * 4;
  var tile4 = mat4x4f(); // tile4[i] is a row
  for (var start = 0u; start < steps; start += DEPTH) {
    let step = start + ownStep;
    let ij = task.ijBegin + step / depth;
    let i = ij / task.J;
    let j = ij % task.J;
    let l = step % depth;
    let y = origin.y + i32(i) * params.iY + i32(j) * params.jY;
    let x = origin.x + i32(j) * params.jX + i32(l) * params.lX;
    let live = vec4<bool>(step < steps) & (vec4u(y) < vec4u(params.height)) & (vec4u(x) < vec4u(params.width));
    let sIndex = origin.at + i * params.sI + j * params.sJ + l * params.sL;
    let aIndex = aRow + i * aI + j * aJ + l * params.aL;
    let left = select(vec4f(), vec4f(a[aIndex.x], a[aIndex.y], a[aIndex.z], a[aIndex.w]), step < steps);
    let right = select(vec4f(), vec4f(s[sIndex.x], s[sIndex.y], s[sIndex.z], s[sIndex.w]), live);
    workgroupBarrier();
    for (var e = 0u; e < 4; e++) {
      aTile[ownStep * PITCH + own + e] = left[e];
      sTile[ownStep * PITCH + own + e] = right[e];
    }
    workgroupBarrier();
    // An end the compiler does not know: all sixteen steps unrolled take long to compile.
    for (var k = 0u; k < min(DEPTH, steps - start); k += 4) {
      for (var e = 0u; e < 4; e++) {
        let p = (k + e) * PITCH + m;
        let q = (k + e) * PITCH + n;
        tile4 += outer(vec4f(aTile[p], aTile[p + 1], aTile[p + 2], aTile[p + 3]),
          vec4f(sTile[q], sTile[q + 1], sTile[q + 2], sTile[q + 3]));
      }
    }
  }

  let column = firstColumn + n;
  let results = resultsOf(columnsFrom(column, task.V, task.W), task);
  let rowEnd = min(row + m + 4, params.M);
  let columnEnd = min(column + 4, task.N);
  for (var r = row + m; r < rowEnd; r++) {
    var values = pick(tile4, r - row - m);
    if (params.hasBias != 0) {
      values += bias[task.biasBase + r];
    }
    var indices = results + r * params.yM;
    for (var at = column; at < columnEnd; at++) {
      y[indices.x] = values.x;
      values = values.yzwx;
      indices = indices.yzwx;
    }
  }
}
