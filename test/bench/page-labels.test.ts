import { expect, it } from "vitest";
import { placeLabels } from "../../src/bench/page/labels.ts";

const area = { left: 0, right: 400, top: 0, bottom: 300 };

it("a name stands to the right of its point, or to the left where there is no room", () => {
  const placed = placeLabels(
    [
      { name: "matmul", x: 100, y: 50 },
      { name: "convolution", x: 390, y: 100 },
    ],
    [],
    area,
  );
  expect(placed.map(({ name, textX, textY, isLeft }) => [name, textX, textY, isLeft])).toEqual([
    ["matmul", 109, 50, false],
    ["convolution", 381, 100, true],
  ]);
});

it("no name covers another, or a point, however near they are", () => {
  const crowd = Array.from({ length: 12 }, (_, i) => ({ name: `kernel ${i}`, x: 200 + i, y: 150 + (i % 3) }));
  const others = [{ x: 214, y: 162 }];
  const placed = placeLabels(crowd, others, area);
  expect(placed).toHaveLength(12);
  const boxes = placed.map(({ name, textX, textY, isLeft }) => {
    const width = 5 * name.length;
    return { left: isLeft ? textX - width : textX, right: isLeft ? textX : textX + width, textY };
  });
  for (const [i, a] of boxes.entries()) {
    for (const b of boxes.slice(i + 1)) {
      expect(a.left >= b.right || b.left >= a.right || Math.abs(a.textY - b.textY) >= 11).toBe(true);
    }
    for (const { x, y } of [...crowd, ...others]) {
      expect(x < a.left || x > a.right || Math.abs(y - a.textY) >= 6).toBe(true);
    }
  }
});

it("a name for which there is no room is left out", () => {
  const points = [1, 2, 3].map((y) => ({ name: "too long a name to fit", x: 30, y }));
  expect(placeLabels(points, [], { left: 0, right: 60, top: 0, bottom: 40 })).toEqual([]);
});
