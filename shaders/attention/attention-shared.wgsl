// attention-shared: y = softmax(scale · Q Kᵀ + bias) V in one pass over the keys.
//
// For GPUs, and wherever subgroups have no fixed size. A workgroup of 8 x 8 threads makes 32 rows of y, 64 columns wide, and
// takes 32 keys at a time: a thread has 4 x 4 scores, whose operands pass through workgroup memory, 16 places of the width
// a round; the weights of the 32 keys lie there for all when values are added up, 16 keys a round.
//
// Same bindings, parameters, arithmetic and order of summation as attention.wgsl, so the same bits.
//
// Grid: linear; column slices of y, then tiles of rows, then batches.

const TILE: u32 = 32;      // rows of y a workgroup makes, and keys it takes at a time
const DEPTH: u32 = 16;     // places of the width, or keys, in workgroup memory at a time
const COLUMNS: u32 = 64;   // of y a workgroup makes
const PITCH: u32 = TILE + 4; // keeps the transposing writes off one bank

var<workgroup> qTile: array<f32, DEPTH * PITCH>; // [place of the width, row]
var<workgroup> kTile: array<f32, DEPTH * PITCH>; // [place of the width, key]
var<workgroup> vTile: array<vec4f, DEPTH * COLUMNS / 4>; // [key, column]
var<workgroup> weightTile: array<vec4f, TILE * TILE / 4>; // [key, row]
var<workgroup> largestTile: array<vec4f, TILE / 4 * 8>; // [four rows, thread of theirs]

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) thread: u32,
) {
  let workgroup = group.y * groups.x + group.x;
  if (workgroup >= params.workgroups) {
    return;
  }
  let slice = workgroup % params.slices;
  let row = workgroup / params.slices % params.rowTiles * TILE;
  let place = workgroup / params.slices / params.rowTiles;
  let batch = vec3u(place / params.axes.z / params.axes.y, place / params.axes.z % params.axes.y, place % params.axes.z);

  let m = thread / 8 * 4; // this thread's rows, and its keys or columns
  let n = thread % 8 * 4;
  // What it loads: half a row of DEPTH places for one row and one key; four columns in each half of the values.
  let loadedRow = thread / 2;
  let loadedPlace = thread % 2 * 8;
  let qRow = rowIndex(batch, row + loadedRow) + loadedPlace;
  let vBase = params.vOffset + dot(vec4u(batch, 0), params.vStrides);
  let column = slice * COLUMNS + n;
  let columnLimit = (params.valueWidth - 1) / 4 * 4;
  let column0 = min(column, columnLimit);
  let column1 = min(column + COLUMNS / 2, columnLimit);

  var y0 = mat4x4f(); // four rows, four columns in each half
  var y1 = mat4x4f();
  var largest = vec4f(LOWEST); // N of each row
  var total = vec4f(); // sum of e^s / 2^N

  let lastRow = i32(min(row + TILE, params.axes.w)) - 1;
  let end = u32(clamp(params.reach + params.step * lastRow, 0, i32(params.columns)));
  for (var start = 0u; start < end; start += TILE) {
    let kRow = keyIndex(batch, start + loadedRow) + loadedPlace;
    var products = mat4x4f();
    for (var c = 0u; c < params.width; c += DEPTH) {
      workgroupBarrier();
      for (var half = 0u; half < 8; half += 4) {
        let at = c + loadedPlace + half;
        let isLive = at < params.width;
        let x = select(vec4f(), within(loadQ((qRow + c + half) / UNIT), at, params.width), isLive);
        let y = select(vec4f(), within(loadK((kRow + c + half) / UNIT), at, params.width), isLive);
        for (var i = 0u; i < 4; i++) {
          qTile[(loadedPlace + half + i) * PITCH + loadedRow] = x[i];
          kTile[(loadedPlace + half + i) * PITCH + loadedRow] = y[i];
        }
      }
      workgroupBarrier();
      for (var i = 0u; i < 4 * params.four; i++) {
        let p = i * PITCH + m;
        let q = i * PITCH + n;
        products += outer(vec4f(qTile[p], qTile[p + 1], qTile[p + 2], qTile[p + 3]),
          vec4f(kTile[q], kTile[q + 1], kTile[q + 2], kTile[q + 3]));
      }
    }

    let scores = scoresOfRows(products, row + m, start + n, batch);
    largestTile[thread] = largestExponents(scores);
    workgroupBarrier();
    var next = largest;
    for (var i = 0u; i < 8; i++) {
      next = max(next, largestTile[thread / 8 * 8 + i]);
    }
    let factor = twoToThe(largest - next);
    largest = next;
    total *= factor;
    y0 = scaleRows(y0, factor);
    y1 = scaleRows(y1, factor);
    let weights = transpose(weightsOfRows(scores, largest, place * params.axes.w + row + m, start + n));
    for (var i = 0u; i < 4; i++) {
      weightTile[((n + i) * TILE + m) / 4] = weights[i];
    }

    for (var first = start; first < min(start + TILE, end); first += DEPTH) {
      workgroupBarrier();
      for (var i = thread / 8; i < DEPTH; i += 8) {
        let index = vBase + min(first + i, params.columns - 1) * params.vStrides.w;
        vTile[(i * COLUMNS + n) / 4] = loadV((index + column0) / UNIT);
        vTile[(i * COLUMNS + n + COLUMNS / 2) / 4] = loadV((index + column1) / UNIT);
      }
      workgroupBarrier();
      for (var i = 0u; i < 4 * params.four; i++) {
        var weight = weightTile[((first - start + i) * TILE + m) / 4];
        if (DROPPED) {
          total += abs(weight);
          weight = max(weight, vec4f());
        } else {
          total += weight;
        }
        y0 += outer(weight, vTile[(i * COLUMNS + n) / 4]);
        y1 += outer(weight, vTile[(i * COLUMNS + n + COLUMNS / 2) / 4]);
      }
    }
    workgroupBarrier();
  }

  for (var i = 0u; i < min(4u, max(params.axes.w, row + m) - row - m); i++) {
    let factor = factorOf(total[i], largest[i]);
    let yFactor = select(factor, factor * params.keptScale, DROPPED);
    if (n == 0 && slice == 0) {
      let at = params.statisticsOffset + dot(vec4u(batch, row + m + i), params.statisticsStrides);
      statistics[at] = largest[i];
      statistics[at + 1] = factor;
    }
    let rowBegin = params.yOffset + dot(vec4u(batch, row + m + i), params.yStrides);
    for (var half = 0u; half < 2; half++) {
      var values = select(pick(y0, i), pick(y1, i), half == 1);
      let first = column + half * COLUMNS / 2;
      for (var j = first; j < min(first + 4, params.valueWidth); j++) {
        y[rowBegin + j] = values.x * yFactor;
        values = values.yzwx;
      }
    }
  }
}
