/** Three digits: 0.0123, 1.23, 12.3, 123, 1234; two and a power of ten of what is less than 0.001. */
export function digits(value: number): string {
  if (value >= 100) return value.toFixed(0);
  return value > 0 && value < 0.001 ? value.toExponential(1) : value.toPrecision(3);
}

/** The unit that a time in milliseconds is shown in, and how many of it a millisecond is. */
function unitOf(milliseconds: number): readonly [unit: string, factor: number] {
  if (milliseconds >= 10_000) return ["s", 0.001];
  return milliseconds >= 0.1 ? ["ms", 1] : ["µs", 1000];
}

/** `12.3 ms`, `45.6 µs`, `12.3 s`. */
export function formatMilliseconds(milliseconds: number): string {
  const [unit, factor] = unitOf(milliseconds);
  return `${digits(factor * milliseconds)} ${unit}`;
}

/** Quartiles in the unit of the median: `12.1–13.0`. */
export function formatQuartiles({ median, lower, upper }: { median: number; lower: number; upper: number }): string {
  const [, factor] = unitOf(median);
  return `${digits(factor * lower)}–${digits(factor * upper)}`;
}

/** `34.5 %` */
export const formatShare = (share: number): string => `${(100 * share).toFixed(1)} %`;
