// Convolution as an implicit matrix product: Y[m, (u, v, w)] = Σ_(i, j, l) A[m, i, j, l] · S[u, i, l, y, x] (+ bias[m]).
//
//   y = v * vStep + origin y + i * iY + j * jY,   x = w * wStep + origin x + j * jX + l * lX
//
// S counts as zero outside of 0 <= y < height, 0 <= x < width. The columns of the product, (u, v, w), and its inner
// index, (i, j, l), stand for different axes in the three operations, which are this one product:
//
//   operation         m        u, v, w             i, j, l                A         S
//   forward           output   image, row, column  tap y, tap x, channel  weight    input
//   input gradient    input    image, row, column  tap y, tap x, channel  weight    gradient
//   weight gradient   output   input, tap y, tap x image, row, column     gradient  input
//
// Phases of pixels, groups, and parts of the inner index, when it is long, are separate products: places in the grid.
//
// An element has one accumulator over (i, j, l) in this order, l fastest; its bits depend on nothing else.
//
// Grid: linear over row tiles, column tiles, phases, groups and parts, the first fastest.

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

// What a workgroup makes a tile of: the product of a phase, a group and a part.
struct Task {
  rowTile: u32,
  columnTile: u32,
  V: u32, // pixels of the phase
  W: u32,
  N: u32, // columns
  J: u32, // taps of the phase in a row
  ijBegin: u32, // steps of (i, j) of the part
  ijEnd: u32,
  depth: u32, // and of l
  originY: i32,
  originX: i32,
  aBase: u32,
  sBase: u32,
  biasBase: u32,
  yBase: u32,
}

fn taskOf(tile: u32) -> Task {
  var place = tile / params.rowTiles;
  let columnTile = place % params.columnTiles;
  place /= params.columnTiles;
  let phaseX = place % params.phasesX;
  place /= params.phasesX;
  let phaseY = place % params.phasesY;
  place /= params.phasesY;
  let channelGroup = place % params.groupCount;
  let part = place / params.groupCount;
  let y = phaseOf(phaseY, params.phasesY, params.V, params.shiftY, params.dilationY, params.I, params.tapStepY);
  let x = phaseOf(phaseX, params.phasesX, params.W, params.shiftX, params.dilationX, params.J, params.tapStepX);
  let lBegin = part % params.partsL * params.partL;
  let ijBegin = part / params.partsL * params.partIJ;
  return Task(
    tile % params.rowTiles,
    columnTile,
    y.pixels,
    x.pixels,
    params.U * y.pixels * x.pixels,
    x.taps,
    ijBegin,
    min(ijBegin + params.partIJ, y.taps * x.taps),
    min(params.partL, params.L - lBegin),
    y.origin,
    x.origin + i32(lBegin) * params.lX,
    params.aOffset + channelGroup * params.aGroup + y.tap * params.aI + x.tap * params.aJ + lBegin * params.aL,
    params.sOffset + channelGroup * params.sGroup + lBegin * (params.sL - u32(params.lX) * params.sColumn),
    params.biasOffset + channelGroup * params.M,
    params.yOffset + part * params.yPart + channelGroup * params.yGroup + phaseY * params.yV + phaseX * params.yW,
  );
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

// Where four columns are at the first step: in the image, and in S.
struct Origin {
  y: vec4i,
  x: vec4i,
  at: vec4u,
}

fn originOf(c: Columns, task: Task) -> Origin {
  let y = vec4i(c.v) * params.vStep + task.originY;
  let x = vec4i(c.w) * params.wStep + task.originX;
  return Origin(y, x, task.sBase + c.u * params.sU + vec4u(y) * params.sRow + vec4u(x) * params.sColumn);
}

// Where four rows of A begin; what lies behind the last is the last.
fn rowsFrom(rows: vec4u, task: Task) -> vec4u { return task.aBase + min(rows, vec4u(params.M - 1)) * params.aM; }

// Where four columns of the first row of Y are.
fn resultsOf(c: Columns, task: Task) -> vec4u {
  return task.yBase + c.u * params.yU + c.v * (params.phasesY * params.yV) + c.w * (params.phasesX * params.yW);
}
