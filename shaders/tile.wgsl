// Tiles of four rows and four columns, of which tile[i] is a row.

fn outer(x: vec4f, y: vec4f) -> mat4x4f { return mat4x4f(x.x * y, x.y * y, x.z * y, x.w * y); }

// fma, so that a GPU fuses in all variants of a product or in none.
fn addOuter(tile: mat4x4f, x: vec4f, y: vec4f) -> mat4x4f {
  return mat4x4f(fma(x.xxxx, y, tile[0]), fma(x.yyyy, y, tile[1]), fma(x.zzzz, y, tile[2]), fma(x.wwww, y, tile[3]));
}

fn pick(tile: mat4x4f, i: u32) -> vec4f {
  return select(select(tile[0], tile[1], i == 1), select(tile[2], tile[3], i == 3), i > 1);
}

// One of four rows of one of four tiles.
fn pickOf(a: mat4x4f, b: mat4x4f, c: mat4x4f, d: mat4x4f, block: u32, i: u32) -> vec4f {
  return select(select(pick(a, i), pick(b, i), block == 1), select(pick(c, i), pick(d, i), block == 3), block > 1);
}
