// Convolutions for adapters that run lanes as SIMD on a CPU; matmul.wgsl tells why it is done so: the rows of A are passed
// round in the subgroup, and no memory is shared. Row h of a tile is held by lane h % LANES, in its vector h / LANES.

const LANES: u32 = 1; // spec: the subgroup size, 4, 8, 16 or 32, where it is fixed
const DEPTH: u32 = 4; // steps a round: 2 or 4
const WIDTH: u32 = max(8, LANES);

// Four columns of S at one step. What is not live may lie outside of S: the load is then of any element.
fn gather(index: vec4u, live: vec4<bool>) -> vec4f {
  return select(vec4f(), vec4f(s[index.x], s[index.y], s[index.z], s[index.w]), live);
}

fn fromHolder(held: mat4x4f, h: u32) -> vec4f { return fromLane(held[h / LANES % 4], h % LANES); }

// x[i] = the four rows of a block at step i.
fn rowsOf(held: mat4x4f, block: u32) -> mat4x4f {
  let h = 4 * block;
  return transpose(mat4x4f(fromHolder(held, h), fromHolder(held, h + 1), fromHolder(held, h + 2),
    fromHolder(held, h + 3)));
}

// Four rows, four columns, DEPTH steps in ascending order.
fn update(tile: mat4x4f, x: mat4x4f, y: mat4x4f) -> mat4x4f {
  if (DEPTH == 2) {
    return (tile + outer(x[0], y[0])) + outer(x[1], y[1]);
  }
  return (((tile + outer(x[0], y[0])) + outer(x[1], y[1])) + outer(x[2], y[2])) + outer(x[3], y[3]);
}
