// Tiles of four rows and four columns that the lanes of a subgroup make, and how they pass round what these are made of.

const LANES: u32 = 4;  // spec: the subgroup size, 4, 8 or 16
const ROWS: u32 = 4;   // rows a workgroup makes: 4 or 16
const GROUPS: u32 = 1; // groups of 4 * LANES columns a workgroup makes: 1, 2 or 4
const HELD: u32 = max(ROWS / LANES, 1); // rows a lane loads for all
const_assert ROWS <= 4 * LANES && (ROWS == 4 || ROWS == 16) && GROUPS <= 4 && GROUPS != 3;

// tile[i] is a row: four rows, four columns, four terms in ascending order.
fn update(tile: mat4x4f, x: mat4x4f, y: mat4x4f) -> mat4x4f {
  return (((tile + outer(x[0], y[0])) + outer(x[1], y[1])) + outer(x[2], y[2])) + outer(x[3], y[3]);
}

// Rows 4 * block to 4 * block + 3 at four places of the width; row r is held by lane r % LANES in one of its last vectors.
fn rowsAtEachPlace(held: mat4x4f, block: u32) -> mat4x4f {
  return transpose(fromFour(held[min(4 - HELD + 4 * block / LANES, 3)], 4 * block % LANES));
}

// Four rows' numbers for the four columns of one lane, at each of these.
fn atEachColumn(numbers: mat4x4f, lane: u32) -> mat4x4f {
  return transpose(mat4x4f(
    fromLane(numbers[0], lane), fromLane(numbers[1], lane), fromLane(numbers[2], lane), fromLane(numbers[3], lane),
  ));
}
