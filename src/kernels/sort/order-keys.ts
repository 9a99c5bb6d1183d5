/**
 * Bodies of WGSL functions from a value `v` to a u32 `key` that orders as the values do, in integers, which no
 * adapter reorders or flushes: −0 equals 0, and NaN is greater than everything, as in PyTorch.
 */
const FLOAT_KEY =
  "let bits = bitcast<u32>(f32(v)); let key = select(select(bits | 0x80000000u, ~bits, bits > 0x80000000u), 0xffffffffu, (bits & 0x7fffffffu) > 0x7f800000u);";

export const ORDER_KEYS = {
  f32: FLOAT_KEY,
  f16: FLOAT_KEY,
  i32: "let key = bitcast<u32>(v) ^ 0x80000000u;",
  u32: "let key = v;",
} as const;
