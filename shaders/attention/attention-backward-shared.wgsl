// Gradients of attention, as attention-backward.wgsl makes them: same bindings, parameters, arithmetic and order of
// summation, so the same bits.
//
// For GPUs, and wherever subgroups have no fixed size. A workgroup of 8 x 8 threads makes 32 rows of the results, 64 columns
// wide, and takes 32 of the other rows at a time: a thread has 4 x 4 products, whose operands pass through workgroup memory,
// 16 places of the width a round; P and dS lie there for all when results are added up, 16 of the other rows a round.
//
// Grid: linear; column slices of the results, then tiles of rows, then batches.

const TILE: u32 = 32;      // rows a workgroup makes, and others it takes at a time
const DEPTH: u32 = 16;     // places of the width, or others, in workgroup memory at a time
const COLUMNS: u32 = 64;   // of the results a workgroup makes
const PITCH: u32 = TILE + 4; // keeps the transposing writes off one bank
const OTHERS: u32 = DEPTH * PITCH; // where the operands of the others begin
const_assert DEPTH * COLUMNS <= 2 * DEPTH * PITCH;

// [place of the width, row], then [place of the width, other]; or [other, column]
var<workgroup> operands: array<f32, 2 * DEPTH * PITCH>;
var<workgroup> pTile: array<vec4f, TILE * TILE / 4>; // [other, row]
var<workgroup> dsTile: array<vec4f, TILE * TILE / 4>; // likewise

fn operand(i: u32) -> vec4f {
  return vec4f(operands[i], operands[i + 1], operands[i + 2], operands[i + 3]);
}

// Products of four rows and four others over the places in workgroup memory.
fn addProducts(products: mat4x4f, m: u32, n: u32) -> mat4x4f {
  var added = products;
  for (var i = 0u; i < 4 * params.four; i++) {
    added += outer(operand(i * PITCH + m), operand(OTHERS + i * PITCH + n));
  }
  return added;
}

// Four places of a row and of one of the others, stored across.
fn keepPlaces(x: vec4f, u: vec4f, place: u32, row: u32) {
  var a = x;
  var b = u;
  for (var i = place * PITCH + row; i < (place + params.four) * PITCH; i += PITCH) {
    operands[i] = a.x;
    operands[OTHERS + i] = b.x;
    a = a.yzwx;
    b = b.yzwx;
  }
}

// Four columns of one of the others.
fn keepColumns(v: vec4f, at: u32) {
  var values = v;
  for (var i = at; i < at + params.four; i++) {
    operands[i] = values.x;
    values = values.yzwx;
  }
}

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) thread: u32,
) {
  let workgroup = group.y * groups.x + group.x;
  let wide = select(params.width, max(params.width, params.valueWidth), OVER_KEYS);
  let slices = (wide + COLUMNS - 1) / (COLUMNS);
  let rowTiles = (params.axes.w + TILE - 1) / TILE;
  let slice = workgroup % slices;
  let row = workgroup / slices % rowTiles * TILE;
  let place = workgroup / slices / rowTiles;
  if (place >= params.axes.x * params.axes.y * params.axes.z) {
    return;
  }
  let batch = vec3u(place / params.axes.z / params.axes.y, place / params.axes.z % params.axes.y, place % params.axes.z);

  let m = thread / 8 * 4; // this thread's rows, and its others or columns
  let n = thread % 8 * 4;
  // What it loads: half of DEPTH places of one row and one other; four columns in each half of the wide tile.
  let loadedRow = thread / 2;
  let loadedPlace = thread % 2 * 8;
  let ownRow = vec4u(batch, min(row + loadedRow, params.axes.w - 1));
  let xRow = params.xOffset + dot(ownRow, params.xStrides);
  let yRow = params.yOffset + dot(ownRow, params.yStrides);
  let column = slice * COLUMNS + n;
  let uColumn0 = min(column, (params.width - 1) / 4 * 4);
  let uColumn1 = min(column + COLUMNS / 2, (params.width - 1) / 4 * 4);
  let vColumn0 = min(column, (params.valueWidth - 1) / 4 * 4);
  let vColumn1 = min(column + COLUMNS / 2, (params.valueWidth - 1) / 4 * 4);

  var first0 = mat4x4f(); // dQ or dK: four rows, four columns in each half
  var first1 = mat4x4f();
  var second0 = mat4x4f(); // dV
  var second1 = mat4x4f();

  // The others that see or are seen by any of the rows.
  let lastRow = i32(min(row + TILE, params.axes.w)) - 1;
  var begin = 0u;
  var end = params.columns;
  if (OVER_KEYS) {
    begin = u32(clamp(params.step * (i32(row) + 1 - params.reach), 0, i32(params.columns)));
  } else {
    end = u32(clamp(params.reach + params.step * lastRow, 0, i32(params.columns)));
  }
  for (var g = 0u; g < params.groups; g++) {
    let other = batch + vec3u(0, 0, g);
    let uBase = params.uOffset + dot(vec4u(other, 0), params.uStrides);
    let vBase = params.vOffset + dot(vec4u(other, 0), params.vStrides);
    for (var start = begin; start < end; start += TILE) {
      let loadedOther = min(start + loadedRow, params.columns - 1);
      let uRow = uBase + loadedOther * params.uStrides.w;
      let vRow = vBase + loadedOther * params.vStrides.w;
      var products = mat4x4f(); // x · u
      for (var c = 0u; c < params.width; c += DEPTH) {
        workgroupBarrier();
        for (var part = loadedPlace; part < loadedPlace + 8; part += 4) {
          let at = c + part;
          let isLive = at < params.width;
          keepPlaces(select(vec4f(), within(loadX((xRow + at) / UNIT), at, params.width), isLive),
            select(vec4f(), within(loadU((uRow + at) / UNIT), at, params.width), isLive), part, loadedRow);
        }
        workgroupBarrier();
        products = addProducts(products, m, n);
      }
      var dp = mat4x4f(); // y · v
      for (var c = 0u; c < params.valueWidth; c += DEPTH) {
        workgroupBarrier();
        for (var part = loadedPlace; part < loadedPlace + 8; part += 4) {
          let at = c + part;
          let isLive = at < params.valueWidth;
          keepPlaces(select(vec4f(), within(loadY((yRow + at) / UNIT), at, params.valueWidth), isLive),
            select(vec4f(), within(loadV((vRow + at) / UNIT), at, params.valueWidth), isLive), part, loadedRow);
        }
        workgroupBarrier();
        dp = addProducts(dp, m, n);
      }

      let weights = weightsOf(products, dp, row + m, start + n, batch, other);
      let p = transpose(weights.p);
      let ds = transpose(weights.ds);
      for (var i = 0u; i < 4; i++) {
        pTile[((n + i) * TILE + m) / 4] = p[i];
        dsTile[((n + i) * TILE + m) / 4] = ds[i];
      }

      for (var block = 0u; block < TILE && start + block < end; block += DEPTH) {
        workgroupBarrier();
        for (var i = thread / 8; i < DEPTH; i += 8) {
          let index = uBase + min(start + block + i, params.columns - 1) * params.uStrides.w;
          keepColumns(loadU((index + uColumn0) / UNIT), i * COLUMNS + n);
          keepColumns(loadU((index + uColumn1) / UNIT), i * COLUMNS + n + COLUMNS / 2);
        }
        workgroupBarrier();
        for (var i = 0u; i < 4 * params.four; i++) {
          let weight = dsTile[((block + i) * TILE + m) / 4];
          first0 += outer(weight, operand(i * COLUMNS + n));
          first1 += outer(weight, operand(i * COLUMNS + n + COLUMNS / 2));
        }
        if (OVER_KEYS) {
          workgroupBarrier();
          for (var i = thread / 8; i < DEPTH; i += 8) {
            let index = vBase + min(start + block + i, params.columns - 1) * params.vStrides.w;
            keepColumns(loadV((index + vColumn0) / UNIT), i * COLUMNS + n);
            keepColumns(loadV((index + vColumn1) / UNIT), i * COLUMNS + n + COLUMNS / 2);
          }
          workgroupBarrier();
          for (var i = 0u; i < 4 * params.four; i++) {
            let weight = pTile[((block + i) * TILE + m) / 4];
            second0 += outer(weight, operand(i * COLUMNS + n));
            second1 += outer(weight, operand(i * COLUMNS + n + COLUMNS / 2));
          }
        }
      }
    }
  }

  for (var i = 0u; i < min(4u, max(params.axes.w, row + m) - row - m); i++) {
    for (var half = 0u; half < 2; half++) {
      let leftmost = column + half * COLUMNS / 2;
      var values = params.scale * select(pick(first0, i), pick(first1, i), half == 1);
      let start = params.resultsOffset + params.firstPlace + dot(vec4u(batch, row + m + i), params.firstStrides);
      for (var j = leftmost; j < min(leftmost + 4, params.width); j++) {
        results[start + j] = values.x;
        values = values.yzwx;
      }
      if (OVER_KEYS) {
        values = select(pick(second0, i), pick(second1, i), half == 1);
        let next = params.resultsOffset + params.secondPlace + dot(vec4u(batch, row + m + i), params.secondStrides);
        for (var j = leftmost; j < min(leftmost + 4, params.valueWidth); j++) {
          results[next + j] = values.x;
          values = values.yzwx;
        }
      }
    }
  }
}
