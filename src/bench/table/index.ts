import { CONVOLUTIONS } from "./convolutions.ts";
import { ELEMENTWISE } from "./elementwise.ts";
import type { OpRow } from "./op-row.ts";
import { PRODUCTS } from "./products.ts";
import { ROWS } from "./rows.ts";

export type { OpRow } from "./op-row.ts";
export { runOpRow } from "./run-op-row.ts";

/** Single ops at sizes of real models, forward and backward: what is compared with other engines. */
export const OP_ROWS: readonly OpRow[] = [...PRODUCTS, ...ROWS, ...ELEMENTWISE, ...CONVOLUTIONS];
