export interface Point {
  readonly x: number;
  readonly y: number;
}

/** A point that wants its name beside it. */
export interface Labelled extends Point {
  readonly name: string;
}

export interface PlacedLabel extends Labelled {
  /** Where the text begins or, of one to the left of its point, ends; and its middle line. */
  readonly textX: number;
  readonly textY: number;
  readonly isLeft: boolean;
}

interface Box {
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

/** Of letters of 11 pixels, in pixels; a little more than most take. */
const LETTER_WIDTH = 6.5;
const LINE_HEIGHT = 13;
/** From the middle of a point to its name, and half the width of the point. */
const GAP = 9;
const RADIUS = 6;
/** Lines up or down that a name may be moved. */
const MOST_LINES = 12;

const meet = (a: Box, b: Box): boolean => a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;

/**
 * Places for names beside their points so that none covers another or a point: to the right, to the left, and further up or
 * down the more are there. A name for which there is no room is left out.
 *
 * @param others points without a name
 */
export function placeLabels(points: readonly Labelled[], others: readonly Point[], area: Box): PlacedLabel[] {
  const taken = [...points, ...others].map(
    ({ x, y }): Box => ({ left: x - RADIUS, right: x + RADIUS, top: y - RADIUS, bottom: y + RADIUS }),
  );
  const placed: PlacedLabel[] = [];
  // From the top, so that names are moved down in the order of their points.
  for (const point of [...points].sort((a, b) => a.y - b.y)) {
    const width = point.name.length * LETTER_WIDTH;
    for (const { isLeft, textY } of candidates(point.y)) {
      const textX = point.x + (isLeft ? -GAP : GAP);
      const left = isLeft ? textX - width : textX;
      const box = { left, right: left + width, top: textY - LINE_HEIGHT / 2, bottom: textY + LINE_HEIGHT / 2 };
      const isInside =
        box.left >= area.left && box.right <= area.right && box.top >= area.top && box.bottom <= area.bottom;
      if (!isInside || taken.some((other) => meet(box, other))) continue;
      taken.push(box);
      placed.push({ ...point, textX, textY, isLeft });
      break;
    }
  }
  return placed;
}

function* candidates(y: number): Generator<{ isLeft: boolean; textY: number }> {
  for (let line = 0; line <= MOST_LINES; line++) {
    for (const way of line === 0 ? [0] : [-1, 1]) {
      for (const isLeft of [false, true]) yield { isLeft, textY: y + way * line * LINE_HEIGHT };
    }
  }
}
