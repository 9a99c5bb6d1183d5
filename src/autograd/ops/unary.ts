export { cast, exp, log, reciprocal, rsqrt, sqrt, square, tanh } from "./elementwise/index.ts";
