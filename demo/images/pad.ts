import { h, isUndo } from "../shared/dom.ts";

/** Side of the pad's pixels, and of the drawings it gives. */
const SIDE = 280;
const DRAWING = 112;
/** Width of the pen; in 28 pixels two and a half. */
const PEN = 24;
/** Longer side of what was drawn in a drawing: 20 of 28, as the digits of MNIST have it. */
const FILL = (DRAWING * 20) / 28;
/** How far an arrow key moves the pen. */
const STEP = 14;

export interface Pad {
  readonly element: HTMLElement;
  readonly isEmpty: boolean;
  /** A button that takes back the last line, or a clearing. */
  readonly undo: HTMLButtonElement;
  clear(): void;
  /** What was drawn as PNG, light on dark, brought to one size in the middle; null when nothing was. */
  drawing(): Promise<Blob | null>;
}

/**
 * A field to draw on, with mouse, finger or pen. With the keyboard the arrows move the pen, Space puts it down and
 * lifts it, and Control or Command with Z takes a line back.
 *
 * @param onChange called at every bit of a stroke, at its end, and when the pad was cleared.
 */
export function drawingPad(label: string, onChange: () => void = () => {}): Pad {
  const canvas = h("canvas", {
    ...{ class: "pad", width: SIDE, height: SIDE, tabindex: 0, role: "application", "aria-label": label },
    "aria-description":
      "Draw with the pointer. With the keyboard, arrows move the pen; Space puts it down or lifts it; Control Z takes a line back.",
  });
  const context = canvas.getContext("2d", { willReadFrequently: true })!;
  const cursor = h("span", { class: "cursor", hidden: true, "aria-hidden": "true" });
  const invitation = h("p", { class: "invitation", "aria-hidden": "true" }, "Draw here");
  /** The finger, pen or mouse that draws; another one meanwhile does not. */
  let pointer: number | null = null;
  let last: [number, number] | null = null;
  let [x, y] = [SIDE / 2, SIDE / 2];
  let isEmpty = true;
  /** Lines by the places that the pen was at, and null for a clearing: the drawing as it is, and the one before it. */
  const done: ([number, number][] | null)[] = [];
  const undo = h("button", { class: "button quiet small", type: "button", onclick: () => takeBack() }, "Undo");
  const showUndo = (): void => {
    undo.disabled = done.length === 0;
    undo.setAttribute("aria-label", done.at(-1) === null ? "Undo clearing the pad" : "Undo the last line");
  };

  const blank = (): void => {
    context.fillStyle = "#000";
    context.fillRect(0, 0, SIDE, SIDE);
    isEmpty = true;
    invitation.hidden = false;
  };
  const lineTo = (to: [number, number]): void => {
    if (last) done.at(-1)!.push(to);
    else done.push([to]);
    draw(to);
    showUndo();
    onChange();
  };
  const draw = (to: [number, number]): void => {
    const [fromX, fromY] = last ?? to;
    context.strokeStyle = "#fff";
    context.lineWidth = PEN;
    context.lineCap = "round";
    context.lineJoin = "round";
    context.beginPath();
    context.moveTo(fromX, fromY);
    // A dot has a length too, or nothing is drawn.
    context.lineTo(to[0] + (fromX === to[0] && fromY === to[1] ? 0.01 : 0), to[1]);
    context.stroke();
    last = to;
    isEmpty = false;
    invitation.hidden = true;
  };
  const takeBack = (): void => {
    if (done.length === 0) return;
    const isFocused = document.activeElement === undo;
    done.pop();
    blank();
    for (const line of done.slice(done.lastIndexOf(null) + 1)) {
      last = null;
      for (const place of line!) draw(place);
    }
    last = null;
    showUndo();
    showCursor();
    // A button that can do no more gives the focus on.
    if (isFocused && undo.disabled) canvas.focus();
    onChange();
  };
  const placeOf = ({ offsetX, offsetY }: PointerEvent): [number, number] => {
    const { clientWidth, clientHeight } = canvas;
    return [(offsetX / clientWidth) * SIDE, (offsetY / clientHeight) * SIDE];
  };
  const showCursor = (): void => {
    cursor.style.left = `${(100 * x) / SIDE}%`;
    cursor.style.top = `${(100 * y) / SIDE}%`;
    cursor.classList.toggle("down", last !== null);
  };
  const lift = (): void => {
    if (!last) return;
    last = null;
    showCursor();
    onChange();
  };
  canvas.addEventListener("pointerdown", (event) => {
    if (event.button !== 0 || pointer !== null) return;
    pointer = event.pointerId;
    canvas.setPointerCapture(pointer);
    // A line that the keyboard began does not go on here.
    last = null;
    cursor.hidden = true;
    lineTo(placeOf(event));
  });
  canvas.addEventListener("pointermove", (event) => {
    if (event.pointerId !== pointer) return;
    // Browsers join moves of one frame; each of them is a place the pen was at.
    const moves = event.getCoalescedEvents?.() ?? [];
    for (const move of moves.length > 0 ? moves : [event]) lineTo(placeOf(move));
  });
  for (const type of ["pointerup", "pointercancel", "lostpointercapture"] as const) {
    canvas.addEventListener(type, ({ pointerId }) => {
      if (pointerId !== pointer) return;
      pointer = null;
      lift();
    });
  }
  canvas.addEventListener("blur", () => {
    cursor.hidden = true;
    lift();
  });
  canvas.addEventListener("keydown", (event) => {
    if (isUndo(event) && done.length > 0) {
      event.preventDefault();
      takeBack();
      return;
    }
    const moves: Record<string, [number, number]> = {
      ...{ ArrowLeft: [-STEP, 0], ArrowRight: [STEP, 0], ArrowUp: [0, -STEP], ArrowDown: [0, STEP] },
    };
    const move = moves[event.key];
    if (!move && event.key !== " ") return;
    event.preventDefault();
    cursor.hidden = false;
    const inside = (value: number): number => Math.min(SIDE - PEN / 2, Math.max(PEN / 2, value));
    if (move) {
      [x, y] = [inside(x + move[0]), inside(y + move[1])];
      if (last) lineTo([x, y]);
    } else if (last) lift();
    else lineTo([x, y]);
    showCursor();
  });
  blank();
  showUndo();
  return {
    element: h("div", { class: "pad-frame" }, canvas, invitation, cursor),
    undo,
    get isEmpty() {
      return isEmpty;
    },
    clear() {
      last = null;
      if (!isEmpty) {
        // What was cleared before this is gone for good.
        done.splice(0, done.lastIndexOf(null) + 1);
        done.push(null);
      }
      blank();
      showUndo();
      showCursor();
      onChange();
    },
    async drawing() {
      return isEmpty ? null : centred(canvas);
    },
  };
}

/** A drawing scaled so that its longer side has the usual length, with the middle of its ink in the middle. */
async function centred(canvas: HTMLCanvasElement): Promise<Blob> {
  const { data } = canvas.getContext("2d")!.getImageData(0, 0, SIDE, SIDE);
  let [left, top, right, bottom] = [SIDE, SIDE, 0, 0];
  let [ink, sumX, sumY] = [0, 0, 0];
  for (let y = 0; y < SIDE; y++) {
    for (let x = 0; x < SIDE; x++) {
      const value = data[4 * (y * SIDE + x)];
      if (value === 0) continue;
      [left, top, right, bottom] = [
        Math.min(left, x),
        Math.min(top, y),
        Math.max(right, x + 1),
        Math.max(bottom, y + 1),
      ];
      [ink, sumX, sumY] = [ink + value, sumX + value * (x + 0.5), sumY + value * (y + 0.5)];
    }
  }
  const scale = FILL / Math.max(right - left, bottom - top, PEN);
  const target = new OffscreenCanvas(DRAWING, DRAWING);
  const context = target.getContext("2d")!;
  context.fillStyle = "#000";
  context.fillRect(0, 0, DRAWING, DRAWING);
  context.imageSmoothingQuality = "high";
  context.translate(DRAWING / 2, DRAWING / 2);
  context.scale(scale, scale);
  context.translate(-sumX / ink, -sumY / ink);
  context.drawImage(canvas, 0, 0);
  return target.convertToBlob({ type: "image/png" });
}
