// attention: y = softmax(scale · Q Kᵀ + bias) V in one pass over the keys (online softmax, arXiv:1805.02867, 2205.14135).
//
// For adapters that run lanes as SIMD on a CPU. A workgroup is one subgroup and makes ROWS rows of y. As in matmul.wgsl a
// lane keeps ROWS x 4 scores in registers, those of four keys of its own, the lanes split the loading of the rows of Q
// and pass them round; then they pass round the probabilities, and each keeps four columns of y a group.
//
// Every score has one accumulator over the width, every element of y and every sum of a row one over the keys, all in
// ascending order, and what is added up is rescaled exactly: so the bits of a row do not depend on how keys fall into
// blocks, nor on keys that it does not see.
//
// SwiftShader, whose subgroups have four lanes, does not unroll loops, and what a loop carries round costs it more than a
// load: there loads are written out. Other compilers take longest for loads, which a loop keeps to one. Nor does it divide but
// lane by lane, so that rows are told by places of UNIT elements before they are walked.
//
// Grid: linear; column slices of y, then tiles of rows, then batches.

// Elements c to c + 3 of a lane's four keys, which begin at some places.
fn keysAt(rows: vec4u, c: u32) -> mat4x4f {
  if (WRITTEN_OUT) {
    return mat4x4f(keyAt(rows.x, c), keyAt(rows.y, c), keyAt(rows.z, c), keyAt(rows.w, c));
  }
  var keys: mat4x4f;
  var left = rows;
  var i = 0u;
  loop {
    keys = mat4x4f(keys[1], keys[2], keys[3], keyAt(left.x, c));
    left = left.yzwx;
    continuing {
      i++;
      break if i >= params.four;
    }
  }
  return keys;
}

// And of the queries it loads for all, in the last HELD vectors.
fn queriesAt(rows: vec4u, c: u32) -> mat4x4f {
  if (WRITTEN_OUT && HELD == 4) {
    return mat4x4f(queryAt(rows.x, c), queryAt(rows.y, c), queryAt(rows.z, c), queryAt(rows.w, c));
  }
  var held: mat4x4f;
  var left = rows;
  var i = 0u;
  loop {
    held = mat4x4f(held[1], held[2], held[3], queryAt(left.x, c));
    left = left.yzwx;
    continuing {
      i += 4 / HELD;
      break if i >= params.four;
    }
  }
  return held;
}

fn keyAt(place: u32, c: u32) -> vec4f { return within(loadK(place), c, params.width); }
fn queryAt(place: u32, c: u32) -> vec4f { return within(loadQ(place), c, params.width); }

// Four values' columns, from places.
fn valuesOf(rows: vec4u, column: u32) -> mat4x4f {
  if (WRITTEN_OUT) {
    let at = rows + column;
    return mat4x4f(loadV(at.x), loadV(at.y), loadV(at.z), loadV(at.w));
  }
  var values: mat4x4f;
  var left = rows;
  var i = 0u;
  loop {
    values = mat4x4f(values[1], values[2], values[3], loadV(left.x + column));
    left = left.yzwx;
    continuing {
      i++;
      break if i >= params.four;
    }
  }
  return values;
}

// Where four keys from `first` on begin, of those that begin at `base`; what lies behind the last is the last.
fn placesFrom(first: u32, base: u32, stride: u32) -> vec4u {
  return base + min(first + vec4u(0, 1, 2, 3), vec4u(params.columns - 1)) * stride;
}

// N of each of four rows, from the largest n that each lane knows of.
fn largestOfLanes(own: vec4f, lane: u32) -> vec4f {
  var found = own;
  for (var bit = 1u; bit < LANES; bit *= 2) {
    found = max(found, fromLane(found, lane ^ bit));
  }
  return found;
}

fn addEach(total: vec4f, x: mat4x4f) -> vec4f {
  if (DROPPED) {
    return (((total + abs(x[0])) + abs(x[1])) + abs(x[2])) + abs(x[3]);
  }
  return (((total + x[0]) + x[1]) + x[2]) + x[3];
}

fn keptOf(x: mat4x4f) -> mat4x4f {
  if (DROPPED) {
    return mat4x4f(max(x[0], vec4f()), max(x[1], vec4f()), max(x[2], vec4f()), max(x[3], vec4f()));
  }
  return x;
}

@compute @workgroup_size(LANES)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let workgroup = group.y * groups.x + group.x;
  if (workgroup >= params.workgroups) {
    return;
  }
  let slice = workgroup % params.slices;
  let row = workgroup / params.slices % params.rowTiles * ROWS;
  let place = workgroup / params.slices / params.rowTiles;
  let batch = vec3u(place / params.axes.z / params.axes.y, place / params.axes.z % params.axes.y, place % params.axes.z);

  let qRows = vec4u(rowIndex(batch, row + lane), rowIndex(batch, row + lane + 1 % HELD * LANES),
    rowIndex(batch, row + lane + 2 % HELD * LANES), rowIndex(batch, row + lane + 3 % HELD * LANES)) / UNIT;
  let kBase = keyIndex(batch, 0) / UNIT;
  let kStride = params.kStrides.w / UNIT;
  let vBase = (params.vOffset + dot(vec4u(batch, 0), params.vStrides)) / UNIT;
  let vStride = params.vStrides.w / UNIT;
  let column = (slice * GROUPS * LANES + lane) * 4;
  let columnLimit = (params.valueWidth - 1) / 4 * 4;
  let column0 = min(column, columnLimit) / UNIT;
  let column1 = min(column + 4 * LANES, columnLimit) / UNIT;
  let column2 = min(column + 8 * LANES, columnLimit) / UNIT;
  let column3 = min(column + 12 * LANES, columnLimit) / UNIT;

  var y00 = mat4x4f(); // rows 0 to 3, first group of columns
  var y01 = mat4x4f();
  var y10 = mat4x4f();
  var y11 = mat4x4f();
  var y20 = mat4x4f();
  var y21 = mat4x4f();
  var y30 = mat4x4f();
  var y31 = mat4x4f();
  var y02 = mat4x4f(); // with four groups
  var y03 = mat4x4f();
  var y12 = mat4x4f();
  var y13 = mat4x4f();
  var y22 = mat4x4f();
  var y23 = mat4x4f();
  var y32 = mat4x4f();
  var y33 = mat4x4f();
  var largest0 = vec4f(LOWEST); // N of each row
  var largest1 = vec4f(LOWEST);
  var largest2 = vec4f(LOWEST);
  var largest3 = vec4f(LOWEST);
  var factor0: vec4f; // 2^(N before - N)
  var factor1: vec4f;
  var factor2: vec4f;
  var factor3: vec4f;
  var total0 = vec4f(); // sum of e^s / 2^N
  var total1 = vec4f();
  var total2 = vec4f();
  var total3 = vec4f();

  let lastRow = i32(min(row + ROWS, params.axes.w)) - 1;
  let end = u32(clamp(params.reach + params.step * lastRow, 0, i32(params.columns)));
  for (var start = 0u; start < end; start += 4 * LANES) {
    let key = start + 4 * lane;
    var kRows = placesFrom(key, kBase, kStride);
    var qAt = qRows;
    var tile0 = mat4x4f();
    var tile1 = mat4x4f();
    var tile2 = mat4x4f();
    var tile3 = mat4x4f();
    for (var c = 0u; c < params.width; c += 4) {
      let keys = transpose(keysAt(kRows, c));
      let held = queriesAt(qAt, c);
      kRows += 4 / UNIT;
      qAt += 4 / UNIT;
      tile0 = update(tile0, rowsAtEachPlace(held, 0), keys);
      if (ROWS > 4) {
        tile1 = update(tile1, rowsAtEachPlace(held, 1), keys);
        tile2 = update(tile2, rowsAtEachPlace(held, 2), keys);
        tile3 = update(tile3, rowsAtEachPlace(held, 3), keys);
      }
    }

    // From products to weights, four rows a round, as the others move up: unrolled, this would take longest to compile.
    for (var r = 0u; r < ROWS; r += 4) {
      let scores = scoresOfRows(tile0, row + r, key, batch);
      let next = largestOfLanes(max(largest0, largestExponents(scores)), lane);
      let factor = twoToThe(largest0 - next);
      let weights = weightsOfRows(scores, next, place * params.axes.w + row + r, key);
      tile0 = tile1;
      tile1 = tile2;
      tile2 = tile3;
      tile3 = weights;
      largest0 = largest1;
      largest1 = largest2;
      largest2 = largest3;
      largest3 = next;
      factor0 = factor1;
      factor1 = factor2;
      factor2 = factor3;
      factor3 = factor;
    }
    if (ROWS == 4) {
      tile0 = tile3;
      largest0 = largest3;
      factor0 = factor3;
    }
    total0 *= factor0;
    y00 = scaleRows(y00, factor0);
    y01 = scaleRows(y01, factor0);
    if (ROWS > 4) {
      total1 *= factor1;
      y10 = scaleRows(y10, factor1);
      y11 = scaleRows(y11, factor1);
      total2 *= factor2;
      total3 *= factor3;
      y20 = scaleRows(y20, factor2);
      y21 = scaleRows(y21, factor2);
      y30 = scaleRows(y30, factor3);
      y31 = scaleRows(y31, factor3);
    }
    if (GROUPS > 2) {
      y02 = scaleRows(y02, factor0);
      y03 = scaleRows(y03, factor0);
      if (ROWS > 4) {
        y12 = scaleRows(y12, factor1);
        y13 = scaleRows(y13, factor1);
        y22 = scaleRows(y22, factor2);
        y23 = scaleRows(y23, factor2);
        y32 = scaleRows(y32, factor3);
        y33 = scaleRows(y33, factor3);
      }
    }

    if (GROUPS > 2) {
      // What is passed round serves all groups.
      for (var owner = 0u; owner < LANES && start + 4 * owner < end; owner++) {
        let rows = placesFrom(start + 4 * owner, vBase, vStride);
        let values0 = valuesOf(rows, column0);
        let values1 = valuesOf(rows, column1);
        let values2 = valuesOf(rows, column2);
        let values3 = valuesOf(rows, column3);
        var weights = atEachColumn(tile0, owner);
        total0 = addEach(total0, weights);
        weights = keptOf(weights);
        y00 = update(y00, weights, values0);
        y01 = update(y01, weights, values1);
        y02 = update(y02, weights, values2);
        y03 = update(y03, weights, values3);
        if (ROWS > 4) {
          weights = atEachColumn(tile1, owner);
          total1 = addEach(total1, weights);
          weights = keptOf(weights);
          y10 = update(y10, weights, values0);
          y11 = update(y11, weights, values1);
          y12 = update(y12, weights, values2);
          y13 = update(y13, weights, values3);
          weights = atEachColumn(tile2, owner);
          total2 = addEach(total2, weights);
          weights = keptOf(weights);
          y20 = update(y20, weights, values0);
          y21 = update(y21, weights, values1);
          y22 = update(y22, weights, values2);
          y23 = update(y23, weights, values3);
          weights = atEachColumn(tile3, owner);
          total3 = addEach(total3, weights);
          weights = keptOf(weights);
          y30 = update(y30, weights, values0);
          y31 = update(y31, weights, values1);
          y32 = update(y32, weights, values2);
          y33 = update(y33, weights, values3);
        }
      }
    } else {
      // A loop for each group of columns: one for both would take twice as long to compile.
      for (var owner = 0u; owner < LANES && start + 4 * owner < end; owner++) {
        let values = valuesOf(placesFrom(start + 4 * owner, vBase, vStride), column0);
        var weights = atEachColumn(tile0, owner);
        total0 = addEach(total0, weights);
        y00 = update(y00, keptOf(weights), values);
        if (ROWS > 4) {
          weights = atEachColumn(tile1, owner);
          total1 = addEach(total1, weights);
          y10 = update(y10, keptOf(weights), values);
          weights = atEachColumn(tile2, owner);
          total2 = addEach(total2, weights);
          y20 = update(y20, keptOf(weights), values);
          weights = atEachColumn(tile3, owner);
          total3 = addEach(total3, weights);
          y30 = update(y30, keptOf(weights), values);
        }
      }
      if (GROUPS > 1) {
        for (var owner = 0u; owner < LANES && start + 4 * owner < end; owner++) {
          let values = valuesOf(placesFrom(start + 4 * owner, vBase, vStride), column1);
          var weights = atEachColumn(tile0, owner);
          y01 = update(y01, keptOf(weights), values);
          if (ROWS > 4) {
            weights = atEachColumn(tile1, owner);
            y11 = update(y11, keptOf(weights), values);
            weights = atEachColumn(tile2, owner);
            y21 = update(y21, keptOf(weights), values);
            weights = atEachColumn(tile3, owner);
            y31 = update(y31, keptOf(weights), values);
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
    let largest = select(select(largest0[i], largest1[i], block == 1), select(largest2[i], largest3[i], block == 3), block > 1);
    let total = select(select(total0[i], total1[i], block == 1), select(total2[i], total3[i], block == 3), block > 1);
    let factor = factorOf(total, largest);
    let yFactor = select(factor, factor * params.keptScale, DROPPED);
    if (lane == 0 && slice == 0) {
      let at = params.statisticsOffset + dot(vec4u(batch, m), params.statisticsStrides);
      statistics[at] = largest;
      statistics[at + 1] = factor;
    }
    let rowBegin = params.yOffset + dot(vec4u(batch, m), params.yStrides);
    for (var g = 0u; g < GROUPS; g++) {
      var values = pickOf(y00, y10, y20, y30, block, i);
      if (g == 1) {
        values = pickOf(y01, y11, y21, y31, block, i);
      }
      if (GROUPS > 2 && g == 2) {
        values = pickOf(y02, y12, y22, y32, block, i);
      }
      if (GROUPS > 2 && g == 3) {
        values = pickOf(y03, y13, y23, y33, block, i);
      }
      let first = column + g * 4 * LANES;
      let columnEnd = min(first + 4, params.valueWidth);
      for (var n = first; n < columnEnd; n++) {
        y[rowBegin + n] = values.x * yFactor;
        values = values.yzwx;
      }
    }
  }
}
