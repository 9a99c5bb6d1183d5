// convolution-shared: the implicit matrix product of convolution.wgsl, for GPUs.
//
// A workgroup of 16 x 16 threads makes a 64 x 64 tile, a thread 4 x 4 of it, as matmul-shared.wgsl does. Sixteen steps
// of the inner index (i, j, l) at a time, each thread loads four rows of A and four columns of S at one step into
// workgroup memory (8.5 KiB). Steps are counted through all of a part, so that few channels waste none.
//
// Same bindings, parameters, declarations to specialise, grid and order of summation as convolution.wgsl.

struct Params {
  M: u32,
  U: u32,
  V: u32,
  W: u32,
  I: u32,
  J: u32,
  L: u32,
  aOffset: u32, // offsets and strides count elements
  sOffset: u32,
  biasOffset: u32,
  yOffset: u32,
  aM: u32,
  aI: u32,
  aJ: u32,
  aL: u32,
  aGroup: u32,
  sU: u32,
  sI: u32, // of a step of i, j or l: what it moves in y and x included
  sJ: u32,
  sL: u32,
  sRow: u32,
  sColumn: u32,
  sGroup: u32,
  yM: u32,
  yU: u32,
  yV: u32,
  yW: u32,
  yGroup: u32,
  yPart: u32,
  height: u32,
  width: u32,
  vStep: i32,
  wStep: i32,
  iY: i32,
  jY: i32,
  jX: i32,
  lX: i32,
  shiftY: i32,
  shiftX: i32,
  phasesY: u32, // the stride in the input gradient, else 1
  phasesX: u32,
  dilationY: u32,
  dilationX: u32,
  tapStepY: u32, // taps of one phase are this far apart
  tapStepX: u32,
  partIJ: u32, // steps of (i, j) in a part
  partL: u32,
  partsL: u32,
  rowTiles: u32,
  columnTiles: u32,
  groupCount: u32,
  tiles: u32,
  hasBias: u32,
}

const TILE: u32 = 64;    // rows and columns a workgroup makes
const DEPTH: u32 = 16;   // steps a round
const PITCH: u32 = TILE + 4; // keeps writes along the steps off one bank
const_assert TILE * DEPTH == 256 * 4;

@group(0) @binding(0) var<storage, read> a: array<f32>;
@group(0) @binding(1) var<storage, read> s: array<f32>;
@group(0) @binding(2) var<storage, read> bias: array<f32>; // [groups * M]; never read unless hasBias
@group(0) @binding(3) var<storage, read_write> y: array<f32>;
@group(1) @binding(0) var<uniform> params: Params;

var<workgroup> aTile: array<f32, DEPTH * PITCH>; // [step, m]
var<workgroup> sTile: array<f32, DEPTH * PITCH>; // [step, n]

fn outer(x: vec4f, y: vec4f) -> mat4x4f { return mat4x4f(x.x * y, x.y * y, x.z * y, x.w * y); }

fn pick(tile: mat4x4f, i: u32) -> vec4f {
  return select(select(tile[0], tile[1], i == 1), select(tile[2], tile[3], i == 3), i > 1);
}

// The column (u, v, w) after another.
fn next(c: vec3u, V: u32, W: u32) -> vec3u {
  let wraps = c.z + 1 == W;
  let carries = wraps && c.y + 1 == V;
  return vec3u(c.x + u32(carries), select(c.y + u32(wraps), 0u, carries), select(c.z + 1, 0u, wraps));
}

// Four neighbouring columns.
struct Columns {
  u: vec4u,
  v: vec4u,
  w: vec4u,
}

fn columnsFrom(column: u32, V: u32, W: u32) -> Columns {
  let c0 = vec3u(column / (V * W), column / W % V, column % W);
  let c1 = next(c0, V, W);
  let c2 = next(c1, V, W);
  let c3 = next(c2, V, W);
  return Columns(vec4u(c0.x, c1.x, c2.x, c3.x), vec4u(c0.y, c1.y, c2.y, c3.y), vec4u(c0.z, c1.z, c2.z, c3.z));
}

// The first tap that meets pixels of a phase, or `count` when none does.
fn firstTap(shift: i32, dilation: u32, phases: u32, count: u32) -> u32 {
  for (var tap = 0u; tap < min(count, phases); tap++) {
    if ((shift - i32(tap * dilation)) % i32(phases) == 0) {
      return tap;
    }
  }
  return count;
}

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) thread: u32) {
  let tile = workgroup.y * workgroups.x + workgroup.x;
  if (tile >= params.tiles) {
    return;
  }
  let row = tile % params.rowTiles * TILE;
  var place = tile / params.rowTiles;
  let firstColumn = place % params.columnTiles * TILE;
  place /= params.columnTiles;
  let phaseX = place % params.phasesX;
  place /= params.phasesX;
  let phaseY = place % params.phasesY;
  place /= params.phasesY;
  let channelGroup = place % params.groupCount;
  let part = place / params.groupCount;

  // What of the taps and the pixels belongs to this phase.
  let V = (params.V - phaseY + params.phasesY - 1) / params.phasesY;
  let W = (params.W - phaseX + params.phasesX - 1) / params.phasesX;
  let N = params.U * V * W;
  if (firstColumn >= N) {
    return;
  }
  let shiftY = params.shiftY + i32(phaseY);
  let shiftX = params.shiftX + i32(phaseX);
  let tapY = firstTap(shiftY, params.dilationY, params.phasesY, params.I);
  let tapX = firstTap(shiftX, params.dilationX, params.phasesX, params.J);
  let I = (params.I - tapY + params.tapStepY - 1) / params.tapStepY;
  let J = (params.J - tapX + params.tapStepX - 1) / params.tapStepX;

  // The step this thread loads in each round, and at which rows and columns: neighbours read neighbours in memory,
  // which lie along the columns of the output or, in the weight gradient, along l.
  let isAlongL = params.lX != 0;
  let ownStep = select(thread / 16, thread % 16, isAlongL);
  let own = 4 * select(thread % 16, thread / 16, isAlongL);
  let lBegin = part % params.partsL * params.partL;
  let aRow = params.aOffset + channelGroup * params.aGroup + tapY * params.aI + tapX * params.aJ +
    lBegin * params.aL + min(row + own + vec4u(0, 1, 2, 3), vec4u(params.M - 1)) * params.aM;
  let aI = params.aI * params.tapStepY;
  let aJ = params.aJ * params.tapStepX;
  let loaded = columnsFrom(firstColumn + own, V, W);
  let yBase = vec4i(loaded.v) * params.vStep + (shiftY - i32(tapY * params.dilationY)) / i32(params.phasesY);
  let xBase = vec4i(loaded.w) * params.wStep + (shiftX - i32(tapX * params.dilationX)) / i32(params.phasesX) +
    i32(lBegin) * params.lX;
  let sBase = params.sOffset + channelGroup * params.sGroup + loaded.u * params.sU + vec4u(yBase) * params.sRow +
    vec4u(xBase) * params.sColumn + lBegin * (params.sL - u32(params.lX) * params.sColumn);

  let ijBegin = part / params.partsL * params.partIJ;
  let ijEnd = min(ijBegin + params.partIJ, I * J);
  let depth = min(params.partL, params.L - lBegin);
  let steps = (ijEnd - min(ijBegin, ijEnd)) * depth;

  let m = thread / 16 * 4;
  let n = thread % 16 * 4;
  var tile4 = mat4x4f(); // tile4[i] is a row
  for (var start = 0u; start < steps; start += DEPTH) {
    let step = start + ownStep;
    let ij = ijBegin + step / depth;
    let i = ij / J;
    let j = ij % J;
    let l = step % depth;
    let y = yBase + i32(i) * params.iY + i32(j) * params.jY;
    let x = xBase + i32(j) * params.jX + i32(l) * params.lX;
    let live = vec4<bool>(step < steps) & (vec4u(y) < vec4u(params.height)) & (vec4u(x) < vec4u(params.width));
    let sIndex = sBase + i * params.sI + j * params.sJ + l * params.sL;
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
  let c = columnsFrom(column, V, W);
  let yColumn = params.yOffset + part * params.yPart + channelGroup * params.yGroup + c.u * params.yU +
    (c.v * params.phasesY + phaseY) * params.yV + (c.w * params.phasesX + phaseX) * params.yW;
  let rowEnd = min(row + m + 4, params.M);
  let columnEnd = min(column + 4, N);
  for (var r = row + m; r < rowEnd; r++) {
    var values = pick(tile4, r - row - m);
    if (params.hasBias != 0) {
      values += bias[params.biasOffset + channelGroup * params.M + r];
    }
    var indices = yColumn + r * params.yM;
    for (var at = column; at < columnEnd; at++) {
      y[indices.x] = values.x;
      values = values.yzwx;
      indices = indices.yzwx;
    }
  }
}
