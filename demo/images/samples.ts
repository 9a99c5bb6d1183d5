import { mulberry32 } from "../../src/io/index.ts";
import { emptyClass } from "./app.ts";
import { makePicture, type PictureClass } from "./pictures.ts";

/** Side of a sample, and how many there are of each shape. */
const SIDE = 112;
const COUNT = 8;
const SEED = 7;

/** Corners of each shape around (0, 0), at a distance of 1. */
const SHAPES: Readonly<Record<string, readonly (readonly [number, number])[]>> = {
  circle: Array.from({ length: 40 }, (_, i) => corner(i / 40)),
  triangle: [0, 1, 2].map((i) => corner(i / 3)),
  cross: [],
};

function corner(turn: number): readonly [number, number] {
  return [Math.sin(2 * Math.PI * turn), -Math.cos(2 * Math.PI * turn)];
}

/** Three classes of shapes as a hand might draw them, each a little different: to see the page work at once. */
export async function sampleClasses(): Promise<PictureClass[]> {
  const random = mulberry32(SEED);
  const classes: PictureClass[] = [];
  for (const [name, corners] of Object.entries(SHAPES)) {
    const pictures = [];
    for (let i = 0; i < COUNT; i++) pictures.push(makePicture(await drawShape(corners, random), "sample.png"));
    classes.push({ ...emptyClass(name), pictures });
  }
  return classes;
}

async function drawShape(corners: readonly (readonly [number, number])[], random: { next(): number }): Promise<Blob> {
  const canvas = new OffscreenCanvas(SIDE, SIDE);
  const context = canvas.getContext("2d")!;
  const between = (low: number, high: number): number => low + (high - low) * random.next();
  context.fillStyle = "#000";
  context.fillRect(0, 0, SIDE, SIDE);
  context.translate(SIDE / 2 + between(-4, 4), SIDE / 2 + between(-4, 4));
  context.rotate(between(-0.35, 0.35));
  context.scale(between(28, 38), between(28, 38));
  context.beginPath();
  const wobble = (): number => between(-0.07, 0.07);
  if (corners.length === 0) {
    for (const side of [-1, 1]) {
      context.moveTo(-1 + wobble(), -side + wobble());
      context.lineTo(1 + wobble(), side + wobble());
    }
  } else {
    for (const [x, y] of corners) context.lineTo(x + wobble() / 2, y + wobble() / 2);
    context.closePath();
  }
  context.resetTransform();
  context.strokeStyle = "#fff";
  context.lineWidth = between(8, 11);
  context.lineCap = "round";
  context.lineJoin = "round";
  context.stroke();
  return canvas.convertToBlob({ type: "image/png" });
}
