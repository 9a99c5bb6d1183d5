import { type DroppedFile, decodeImage, droppedFiles } from "../../src/io/browser/index.ts";
import { fill, h, isUndo } from "../shared/dom.ts";
import { type Dropped, dropZone } from "../shared/drop-zone.ts";
import type { Part } from "../shared/parts.ts";
import { showError, showErrors, showInfo } from "../shared/toasts.ts";
import { type App, emptyClass, isBusy } from "./app.ts";
import { type ClassCard, classCard, countOf } from "./class-card.ts";
import { drawingPad } from "./pad.ts";
import { byFolder, calledIn, makePicture, missingIn, type Picture, type PictureClass } from "./pictures.ts";
import { sampleClasses } from "./samples.ts";

/** Part 2: classes by name, with pictures that are drawn, dropped or picked. */
export function classesPart(app: App, part: Part): void {
  const pad = drawingPad("Drawing pad");
  const targets = h("div", { class: "row targets", role: "group", "aria-label": "Add the drawing to a class" });
  const list = h("ul", { class: "classes", "aria-label": "Classes" });
  const missing = h("p", { class: "small soft", role: "status" });
  const told = h("p", { class: "small soft", role: "status" });
  const button = (label: string, kind: string, onclick: () => void) =>
    h("button", { class: `button ${kind}`, type: "button", onclick }, label);
  const add = button("Add a class", "", () => {
    const { classes } = app.state;
    app.changeClasses("adding a class", [...classes, emptyClass(freeName(classes))]);
    list.lastElementChild?.querySelector("input")?.select();
  });
  const samples = button("Fill in shapes", "quiet", () => void fillIn());
  const undo = button("Undo", "quiet", () => takeBack());
  const clear = button("Clear the pad", "quiet small", () => pad.clear());
  const fillIn = async (): Promise<void> => {
    try {
      const shapes = await sampleClasses();
      const isThere = ({ name }: PictureClass): boolean =>
        app.state.classes.some((one) => one.name.trim() === name && one.pictures.length > 0);
      const fresh = shapes.filter((one) => !isThere(one));
      if (fresh.length === 0) showInfo("The shapes are there already");
      else app.mergeClasses("filling in shapes", fresh);
    } catch (error) {
      showError("The shapes could not be drawn", error);
    }
  };
  const folder = dropZone({
    button: "Choose a folder",
    hint: "Or drop one here whose folders are the classes: cat/1.png, dog/2.png.",
    directory: true,
    onDrop: (dropped) => void addFolder(dropped),
  });
  const controls = h(
    "fieldset",
    { class: "examples" },
    h(
      "div",
      { class: "stack close" },
      pad.element,
      h(
        "div",
        { class: "row apart" },
        h("span", { class: "small soft", "aria-hidden": "true" }, "Add it to"),
        h("div", { class: "row" }, pad.undo, clear),
      ),
      targets,
      told,
    ),
    h("div", { class: "stack" }, list, h("div", { class: "row" }, add, samples, undo), missing, folder),
  );
  fill(part.body, controls);

  const addDrawing = async (id: number): Promise<void> => {
    const drawing = await pad.drawing();
    if (!drawing) {
      showInfo("The pad is empty", "Draw something first.");
      return;
    }
    app.addPictures(id, [makePicture(drawing, "drawing.png")]);
    pad.clear();
    const own = app.state.classes.find((one) => one.id === id)!;
    told.textContent = `${own.name} has ${countOf(own)}.`;
  };
  const refuseWhileBusy = (): boolean => {
    const isRefused = isBusy(app.state);
    if (isRefused) showInfo("A run is under way", "Pictures can be added when it has ended or is cancelled.");
    return isRefused;
  };
  const takeBack = (): void => {
    const isFocused = document.activeElement === undo;
    const what = app.undo();
    if (what === null) return;
    told.textContent = `Taken back: ${what}.`;
    // A button that can do no more gives the focus on.
    if (isFocused && undo.disabled) add.focus();
  };
  addEventListener("keydown", (event) => {
    const isTyped = event.target instanceof HTMLInputElement || event.target instanceof HTMLTextAreaElement;
    if (event.defaultPrevented || isTyped || !isUndo(event) || app.state.past.length === 0) return;
    event.preventDefault();
    if (!refuseWhileBusy()) takeBack();
  });
  /** Takes away what offers to take the last removal back. */
  let withdraw = (): void => {};
  /** What is gone is told at once, wherever on the page that is, with a way back. */
  const offerBack = (title: string): void => {
    withdraw = showInfo(title, "", {
      label: "Undo",
      act: () => {
        if (!refuseWhileBusy()) takeBack();
      },
    });
  };
  const removeClass = (removed: PictureClass): void => {
    const { classes } = app.state;
    const place = classes.indexOf(removed);
    app.changeClasses(`removing the class ${calledIn(removed)}`, classes.toSpliced(place, 1));
    const next = list.children[Math.min(place, classes.length - 2)]?.querySelector<HTMLElement>(".class-head button");
    (next ?? add).focus();
    if (removed.pictures.length > 0) offerBack(`${calledIn(removed)} is gone, with ${countOf(removed)}`);
  };
  const removePicture = (own: PictureClass, picture: Picture): void => {
    app.removePicture(own.id, picture);
    offerBack(`A picture of ${calledIn(own)} is gone`);
  };
  const addFolder = async (dropped: Dropped): Promise<void> => {
    if (refuseWhileBusy()) return;
    try {
      const folders = byFolder(await droppedFiles(dropped));
      const pictures = await readPictures([...folders.values()].flat(), told);
      const found = [...folders].map(([name, files]) => ({
        ...emptyClass(name),
        pictures: files.flatMap((file) => pictures.get(file) ?? []),
      }));
      app.mergeClasses(
        "adding a folder",
        found.filter((one) => one.pictures.length > 0),
      );
    } catch (error) {
      showError("The folder could not be read", error);
    }
  };
  const addFiles = async (id: number, dropped: Dropped): Promise<void> => {
    if (refuseWhileBusy()) return;
    try {
      app.addPictures(id, [...(await readPictures(await droppedFiles(dropped), told)).values()]);
    } catch (error) {
      showError("The pictures could not be read", error);
    }
  };
  const now = ({ id }: PictureClass): PictureClass => app.state.classes.find((one) => one.id === id)!;
  const cards = new Map<number, ClassCard>();
  app.store.watch((state, before) => {
    part.setReady(state.inspection !== null || state.run !== null);
    controls.disabled = isBusy(state);
    if (state.past !== before?.past) {
      withdraw();
      const last = state.past.at(-1);
      undo.disabled = last === undefined;
      undo.setAttribute("aria-label", `Undo ${last?.what ?? "the last change"}`);
    }
    if (state.classes === before?.classes) return;
    told.textContent = "";
    for (const id of cards.keys()) if (!state.classes.some((one) => one.id === id)) cards.delete(id);
    const shown = state.classes.map((one) => {
      const card =
        cards.get(one.id) ??
        classCard({
          onName: (name) => app.renameClass(one.id, name),
          onFiles: (dropped) => void addFiles(one.id, dropped),
          onAdd: () => void addDrawing(one.id),
          onRemove: () => removeClass(now(one)),
          onRemovePicture: (picture) => removePicture(now(one), picture),
        });
      cards.set(one.id, card);
      card.show(one);
      return card;
    });
    arrange(
      list,
      shown.map(({ element }) => element),
    );
    arrange(
      targets,
      shown.map(({ target }) => target),
    );
    const problem = missingIn(state.classes);
    fill(missing, problem);
    part.setDone(problem === null);
  });
}

/** Files that are read without a word of how far it is. */
const FEW = 10;

/** Pictures of files, each of which is decoded once to see that it is one. What cannot be read is told by name. */
async function readPictures(files: readonly DroppedFile[], status: HTMLElement): Promise<Map<DroppedFile, Picture>> {
  const pictures = new Map<DroppedFile, Picture>();
  const errors: unknown[] = [];
  for (const [i, one] of files.entries()) {
    if (files.length > FEW) status.textContent = `Reading picture ${i + 1} of ${files.length}.`;
    try {
      await decodeImage(one.file, one.file.name);
      pictures.set(one, makePicture(one.file, one.file.name));
    } catch (error) {
      errors.push(error);
    }
  }
  if (files.length > FEW) status.textContent = `${pictures.size} of ${files.length} pictures were read.`;
  if (errors.length > 0) {
    const what = errors.length === 1 ? "This is no picture" : `${errors.length} files are no pictures`;
    showErrors(`${what} that can be used`, errors);
  }
  return pictures;
}

/** "class 3", or the next number that no class has. */
function freeName(classes: readonly PictureClass[]): string {
  let number = classes.length + 1;
  while (classes.some(({ name }) => name === `class ${number}`)) number++;
  return `class ${number}`;
}

/** Puts elements into a place. What is there already stays, or a field would lose the focus. */
function arrange(place: HTMLElement, elements: readonly HTMLElement[]): void {
  for (const element of [...place.children]) if (!elements.includes(element as HTMLElement)) element.remove();
  elements.forEach((element, i) => {
    if (place.children[i] !== element) place.insertBefore(element, place.children[i] ?? null);
  });
}
