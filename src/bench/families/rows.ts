/** What is computed once for a row and then asked for by its elements. */
export function cachedByRow<T>(compute: (row: number) => T): (row: number) => T {
  const kept = new Map<number, T>();
  return (row) => {
    let value = kept.get(row);
    if (value === undefined) {
      value = compute(row);
      kept.set(row, value);
    }
    return value;
  };
}
