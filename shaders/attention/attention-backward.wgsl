// Gradients of attention, from recomputed scores: P = softmax(S), S = scale · Q Kᵀ + bias, and dS = P (dP - D), where
// dP = dY Vᵀ and D is the dot product of a row of dY with the same row of y.
//   over queries:  dQ = scale · dS K
//   over keys:     dK = scale · dSᵀ Q and dV = Pᵀ dY, added up over the groups of queries that share the keys
// Here x and y are what belongs to the rows that are made (Q and dY; or K and V), u and v what belongs to all others (K and
// V; or Q and dY): S and dP are products of x with u and of y with v, and results those of dS with u and of P with v.
//
// Registers, lanes and order of summation as in attention.wgsl: one accumulator an element over the other rows in
// ascending order, group after group, so that what is hidden adds zeros wherever it lies.
//
// Grid: linear; column slices of the results, then tiles of rows, then batches.

const_assert GROUPS <= 2;

// Elements c to c + 3 of a row, at some place.
fn xAt(place: u32, c: u32) -> vec4f { return within(loadX(place), c, params.width); }
fn yAt(place: u32, c: u32) -> vec4f { return within(loadY(place), c, params.valueWidth); }
fn uAt(place: u32, c: u32) -> vec4f { return within(loadU(place), c, params.width); }
fn vAt(place: u32, c: u32) -> vec4f { return within(loadV(place), c, params.valueWidth); }

// Those of the rows that a lane loads for all, in the last HELD vectors.
fn xsAt(rows: vec4u, c: u32) -> mat4x4f {
  if (WRITTEN_OUT && HELD == 4) {
    return mat4x4f(xAt(rows.x, c), xAt(rows.y, c), xAt(rows.z, c), xAt(rows.w, c));
  }
  var held: mat4x4f;
  var left = rows;
  var i = 0u;
  loop {
    held = mat4x4f(held[1], held[2], held[3], xAt(left.x, c));
    left = left.yzwx;
    continuing {
      i += 4 / HELD;
      break if i >= params.four;
    }
  }
  return held;
}

fn ysAt(rows: vec4u, c: u32) -> mat4x4f {
  if (WRITTEN_OUT && HELD == 4) {
    return mat4x4f(yAt(rows.x, c), yAt(rows.y, c), yAt(rows.z, c), yAt(rows.w, c));
  }
  var held: mat4x4f;
  var left = rows;
  var i = 0u;
  loop {
    held = mat4x4f(held[1], held[2], held[3], yAt(left.x, c));
    left = left.yzwx;
    continuing {
      i += 4 / HELD;
      break if i >= params.four;
    }
  }
  return held;
}

// Those of a lane's four others.
fn usAt(rows: vec4u, c: u32) -> mat4x4f {
  if (WRITTEN_OUT) {
    return mat4x4f(uAt(rows.x, c), uAt(rows.y, c), uAt(rows.z, c), uAt(rows.w, c));
  }
  var found: mat4x4f;
  var left = rows;
  var i = 0u;
  loop {
    found = mat4x4f(found[1], found[2], found[3], uAt(left.x, c));
    left = left.yzwx;
    continuing {
      i++;
      break if i >= params.four;
    }
  }
  return found;
}

fn vsAt(rows: vec4u, c: u32) -> mat4x4f {
  if (WRITTEN_OUT) {
    return mat4x4f(vAt(rows.x, c), vAt(rows.y, c), vAt(rows.z, c), vAt(rows.w, c));
  }
  var found: mat4x4f;
  var left = rows;
  var i = 0u;
  loop {
    found = mat4x4f(found[1], found[2], found[3], vAt(left.x, c));
    left = left.yzwx;
    continuing {
      i++;
      break if i >= params.four;
    }
  }
  return found;
}

// Four columns of four others, from places.
fn uColumns(rows: vec4u, column: u32) -> mat4x4f {
  if (WRITTEN_OUT) {
    let at = rows + column;
    return mat4x4f(loadU(at.x), loadU(at.y), loadU(at.z), loadU(at.w));
  }
  var found: mat4x4f;
  var left = rows;
  var i = 0u;
  loop {
    found = mat4x4f(found[1], found[2], found[3], loadU(left.x + column));
    left = left.yzwx;
    continuing {
      i++;
      break if i >= params.four;
    }
  }
  return found;
}

fn vColumns(rows: vec4u, column: u32) -> mat4x4f {
  if (WRITTEN_OUT) {
    let at = rows + column;
    return mat4x4f(loadV(at.x), loadV(at.y), loadV(at.z), loadV(at.w));
  }
  var found: mat4x4f;
  var left = rows;
  var i = 0u;
  loop {
    found = mat4x4f(found[1], found[2], found[3], loadV(left.x + column));
    left = left.yzwx;
    continuing {
      i++;
      break if i >= params.four;
    }
  }
  return found;
}

// Where four others from `first` on begin, of those that begin at `base`; what lies behind the last is the last.
fn placesFrom(first: u32, base: u32, stride: u32) -> vec4u {
  return base + min(first + vec4u(0, 1, 2, 3), vec4u(params.columns - 1)) * stride;
}

@compute @workgroup_size(LANES)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let workgroup = group.y * groups.x + group.x;
  let wide = select(params.width, max(params.width, params.valueWidth), isOverKeys());
  let slices = (wide + 4 * LANES * GROUPS - 1) / (4 * LANES * GROUPS);
  let rowTiles = (params.axes.w + ROWS - 1) / ROWS;
  let slice = workgroup % slices;
  let row = workgroup / slices % rowTiles * ROWS;
  let place = workgroup / slices / rowTiles;
  if (place >= params.axes.x * params.axes.y * params.axes.z) {
    return;
  }
  let batch = vec3u(place / params.axes.z / params.axes.y, place / params.axes.z % params.axes.y, place % params.axes.z);

  // The rows that this lane loads for all.
  var xRows: vec4u;
  var yRows: vec4u;
  for (var i = 0u; i < 4; i++) {
    let own = vec4u(batch, min(row + lane + i % HELD * LANES, params.axes.w - 1));
    xRows[i] = (params.xOffset + dot(own, params.xStrides)) / UNIT;
    yRows[i] = (params.yOffset + dot(own, params.yStrides)) / UNIT;
  }
  let column = (slice * GROUPS * LANES + lane) * 4;
  let uColumn0 = min(column, (params.width - 1) / 4 * 4) / UNIT;
  let uColumn1 = min(column + 4 * LANES, (params.width - 1) / 4 * 4) / UNIT;
  let vColumn0 = min(column, (params.valueWidth - 1) / 4 * 4) / UNIT;
  let vColumn1 = min(column + 4 * LANES, (params.valueWidth - 1) / 4 * 4) / UNIT;

  var first00 = mat4x4f(); // dQ or dK: rows 0 to 3, first group of columns
  var first01 = mat4x4f();
  var first10 = mat4x4f();
  var first11 = mat4x4f();
  var first20 = mat4x4f();
  var first21 = mat4x4f();
  var first30 = mat4x4f();
  var first31 = mat4x4f();
  var second00 = mat4x4f(); // dV
  var second01 = mat4x4f();
  var second10 = mat4x4f();
  var second11 = mat4x4f();
  var second20 = mat4x4f();
  var second21 = mat4x4f();
  var second30 = mat4x4f();
  var second31 = mat4x4f();

  // The others that see or are seen by any of the rows.
  let lastRow = i32(min(row + ROWS, params.axes.w)) - 1;
  var begin = 0u;
  var end = params.columns;
  if (isOverKeys()) {
    begin = u32(clamp(params.step * (i32(row) + 1 - params.reach), 0, i32(params.columns)));
  } else {
    end = u32(clamp(params.reach + params.step * lastRow, 0, i32(params.columns)));
  }
  let uStride = params.uStrides.w / UNIT;
  let vStride = params.vStrides.w / UNIT;
  for (var g = 0u; g < params.groups; g++) {
    let other = batch + vec3u(0, 0, g);
    let uBase = (params.uOffset + dot(vec4u(other, 0), params.uStrides)) / UNIT;
    let vBase = (params.vOffset + dot(vec4u(other, 0), params.vStrides)) / UNIT;
    for (var start = begin; start < end; start += 4 * LANES) {
      var uRows = placesFrom(start + 4 * lane, uBase, uStride);
      var vRows = placesFrom(start + 4 * lane, vBase, vStride);
      var xAts = xRows;
      var yAts = yRows;
      var tile0 = mat4x4f(); // x · u
      var tile1 = mat4x4f();
      var tile2 = mat4x4f();
      var tile3 = mat4x4f();
      for (var c = 0u; c < params.width; c += 4) {
        let others = transpose(usAt(uRows, c));
        let held = xsAt(xAts, c);
        uRows += 4 / UNIT;
        xAts += 4 / UNIT;
        tile0 = update(tile0, rowsAtEachPlace(held, 0), others);
        if (ROWS > 4) {
          tile1 = update(tile1, rowsAtEachPlace(held, 1), others);
          tile2 = update(tile2, rowsAtEachPlace(held, 2), others);
          tile3 = update(tile3, rowsAtEachPlace(held, 3), others);
        }
      }
      var dp0 = mat4x4f(); // y · v
      var dp1 = mat4x4f();
      var dp2 = mat4x4f();
      var dp3 = mat4x4f();
      for (var c = 0u; c < params.valueWidth; c += 4) {
        let others = transpose(vsAt(vRows, c));
        let held = ysAt(yAts, c);
        vRows += 4 / UNIT;
        yAts += 4 / UNIT;
        dp0 = update(dp0, rowsAtEachPlace(held, 0), others);
        if (ROWS > 4) {
          dp1 = update(dp1, rowsAtEachPlace(held, 1), others);
          dp2 = update(dp2, rowsAtEachPlace(held, 2), others);
          dp3 = update(dp3, rowsAtEachPlace(held, 3), others);
        }
      }

      // From products to P and dS, four rows a round, as the others move up: unrolled, this would take longest to compile.
      for (var r = 0u; r < ROWS; r += 4) {
        let weights = weightsOf(tile0, dp0, row + r, start + 4 * lane, batch, other);
        tile0 = tile1;
        tile1 = tile2;
        tile2 = tile3;
        tile3 = weights.p;
        dp0 = dp1;
        dp1 = dp2;
        dp2 = dp3;
        dp3 = weights.ds;
      }
      if (ROWS == 4) {
        tile0 = tile3;
        dp0 = dp3;
      }

      // A loop for each group of columns: one for both would take twice as long to compile.
      for (var owner = 0u; owner < LANES && start + 4 * owner < end; owner++) {
        let us = uColumns(placesFrom(start + 4 * owner, uBase, uStride), uColumn0);
        first00 = update(first00, atEachColumn(dp0, owner), us);
        if (ROWS > 4) {
          first10 = update(first10, atEachColumn(dp1, owner), us);
          first20 = update(first20, atEachColumn(dp2, owner), us);
          first30 = update(first30, atEachColumn(dp3, owner), us);
        }
      }
      if (GROUPS > 1) {
        for (var owner = 0u; owner < LANES && start + 4 * owner < end; owner++) {
          let us = uColumns(placesFrom(start + 4 * owner, uBase, uStride), uColumn1);
          first01 = update(first01, atEachColumn(dp0, owner), us);
          if (ROWS > 4) {
            first11 = update(first11, atEachColumn(dp1, owner), us);
            first21 = update(first21, atEachColumn(dp2, owner), us);
            first31 = update(first31, atEachColumn(dp3, owner), us);
          }
        }
      }
      if (OVER_KEYS) {
        if (isOverKeys()) {
          for (var owner = 0u; owner < LANES && start + 4 * owner < end; owner++) {
            let vs = vColumns(placesFrom(start + 4 * owner, vBase, vStride), vColumn0);
            second00 = update(second00, atEachColumn(tile0, owner), vs);
            if (ROWS > 4) {
              second10 = update(second10, atEachColumn(tile1, owner), vs);
              second20 = update(second20, atEachColumn(tile2, owner), vs);
              second30 = update(second30, atEachColumn(tile3, owner), vs);
            }
          }
        }
      }
      if (OVER_KEYS && GROUPS > 1) {
        if (isOverKeys()) {
          for (var owner = 0u; owner < LANES && start + 4 * owner < end; owner++) {
            let vs = vColumns(placesFrom(start + 4 * owner, vBase, vStride), vColumn1);
            second01 = update(second01, atEachColumn(tile0, owner), vs);
            if (ROWS > 4) {
              second11 = update(second11, atEachColumn(tile1, owner), vs);
              second21 = update(second21, atEachColumn(tile2, owner), vs);
              second31 = update(second31, atEachColumn(tile3, owner), vs);
            }
          }
        }
      }
    }
  }

  // One store in loops whose ends the compiler cannot know: unrolled, the stores would take longest to compile.
  let rowEnd = min(row + ROWS, params.axes.w);
  for (var m = row; m < rowEnd; m++) {
    let i = (m - row) % 4;
    let block = (m - row) / 4;
    for (var g = 0u; g < GROUPS; g++) {
      var values = params.scale * pickOf(first00, first10, first20, first30, block, i);
      if (g == 1) {
        values = params.scale * pickOf(first01, first11, first21, first31, block, i);
      }
      var start = params.resultsOffset + params.firstPlace + dot(vec4u(batch, m), params.firstStrides);
      var width = params.width;
      for (var which = 0; which < select(1, 2, isOverKeys()); which++) {
        let first = column + g * 4 * LANES;
        let columnEnd = min(first + 4, width);
        for (var n = first; n < columnEnd; n++) {
          results[start + n] = values.x;
          values = values.yzwx;
        }
        if (OVER_KEYS) {
          if (isOverKeys()) {
            values = pickOf(second00, second10, second20, second30, block, i);
            if (g == 1) {
              values = pickOf(second01, second11, second21, second31, block, i);
            }
          }
        }
        start = params.resultsOffset + params.secondPlace + dot(vec4u(batch, m), params.secondStrides);
        width = params.valueWidth;
      }
    }
  }
}
