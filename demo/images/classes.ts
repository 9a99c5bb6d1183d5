import { type DroppedFile, decodeImage, droppedFiles, IMAGE_TYPES } from "../../src/io/browser/index.ts";
import { fill, h } from "../shared/dom.ts";
import { type Dropped, dropTarget, dropZone } from "../shared/drop-zone.ts";
import { icon } from "../shared/icons.ts";
import type { Part } from "../shared/parts.ts";
import { showError, showInfo } from "../shared/toasts.ts";
import { type App, emptyClass, isBusy } from "./app.ts";
import { drawingPad } from "./pad.ts";
import { byFolder, makePicture, missingIn, nextId, type Picture, type PictureClass } from "./pictures.ts";
import { sampleClasses } from "./samples.ts";

/** Part 2: classes by name, with pictures that are drawn, dropped or picked. */
export function classesPart(app: App, part: Part): void {
  const pad = drawingPad("Drawing pad");
  const list = h("ul", { class: "classes", "aria-label": "Classes" });
  const missing = h("p", { class: "small soft", role: "status" });
  const button = (label: string, kind: string, onclick: () => void) =>
    h("button", { class: `button ${kind}`, type: "button", onclick }, label);
  const add = button("Add a class", "", () => {
    app.setClasses([...app.state.classes, emptyClass(freeName(app.state.classes))]);
    list.lastElementChild?.querySelector("input")?.select();
  });
  const samples = button("Fill in shapes", "quiet", () => void fillIn());
  const clear = button("Clear the pad", "quiet small", () => pad.clear());
  const fillIn = async (): Promise<void> => {
    try {
      app.setClasses(await sampleClasses());
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
      h("div", { class: "row apart" }, clear),
      h(
        "p",
        { class: "small soft" },
        "Draw here, then add it to a class. Or drop pictures on a class: PNG, JPEG or WebP.",
      ),
    ),
    h("div", { class: "stack" }, list, h("div", { class: "row" }, add, samples), missing, folder),
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
  };
  const addFolder = async (dropped: Dropped): Promise<void> => {
    if (isBusy(app.state)) return;
    try {
      const found: PictureClass[] = [];
      for (const [name, files] of byFolder(await droppedFiles(dropped))) {
        const pictures = await readPictures(files);
        if (pictures.length > 0) found.push({ ...emptyClass(name), pictures });
      }
      // Classes that are there already get more; those without a picture make room.
      const known = app.state.classes.filter(({ pictures }) => pictures.length > 0);
      const grown = known.map((one) => {
        const more = found.find(({ name }) => name === one.name.trim());
        return more ? { ...one, pictures: [...one.pictures, ...more.pictures] } : one;
      });
      const fresh = found.filter(({ name }) => !known.some((one) => one.name.trim() === name));
      if (found.length > 0) app.setClasses([...grown, ...fresh]);
    } catch (error) {
      showError("The folder could not be read", error);
    }
  };
  const addFiles = async (id: number, dropped: Dropped): Promise<void> => {
    if (isBusy(app.state)) return;
    try {
      app.addPictures(id, await readPictures(await droppedFiles(dropped)));
    } catch (error) {
      showError("The pictures could not be read", error);
    }
  };
  const cards = new Map<number, ClassCard>();
  app.store.watch((state, before) => {
    part.setReady(state.inspection !== null || state.run !== null);
    controls.disabled = isBusy(state);
    if (state.classes === before?.classes) return;
    for (const id of cards.keys()) if (!state.classes.some((one) => one.id === id)) cards.delete(id);
    const shown = state.classes.map((one) => {
      const card =
        cards.get(one.id) ??
        classCard({
          onName: (name) => app.changeClass(one.id, { name }),
          onAdd: () => void addDrawing(one.id),
          onFiles: (dropped) => void addFiles(one.id, dropped),
          onRemove: () => app.setClasses(app.state.classes.filter(({ id }) => id !== one.id)),
          onRemovePicture: (picture) => {
            const { pictures } = app.state.classes.find(({ id }) => id === one.id)!;
            app.changeClass(one.id, { pictures: pictures.filter((other) => other !== picture) });
          },
        });
      cards.set(one.id, card);
      card.show(one);
      return card.element;
    });
    // What is there already stays in its place, or a field would lose the focus.
    for (const element of [...list.children]) if (!shown.includes(element as HTMLLIElement)) element.remove();
    shown.forEach((element, i) => {
      if (list.children[i] !== element) list.insertBefore(element, list.children[i] ?? null);
    });
    const problem = missingIn(state.classes);
    fill(missing, problem);
    part.setDone(problem === null);
  });
}

/** Pictures of files, each of which is decoded once to see that it is one. What cannot be read is told by name. */
async function readPictures(files: readonly DroppedFile[]): Promise<Picture[]> {
  const pictures: Picture[] = [];
  for (const { file } of files) {
    try {
      await decodeImage(file, file.name);
      pictures.push(makePicture(file, file.name));
    } catch (error) {
      showError("This is no picture that can be used", error);
    }
  }
  return pictures;
}

/** "class 3", or the next number that no class has. */
function freeName(classes: readonly PictureClass[]): string {
  let number = classes.length + 1;
  while (classes.some(({ name }) => name === `class ${number}`)) number++;
  return `class ${number}`;
}

interface ClassCard {
  readonly element: HTMLLIElement;
  show(shown: PictureClass): void;
}

interface ClassActions {
  onName(name: string): void;
  onAdd(): void;
  onFiles(dropped: Dropped): void;
  onRemove(): void;
  onRemovePicture(picture: Picture): void;
}

function classCard({ onName, onAdd, onFiles, onRemove, onRemovePicture }: ClassActions): ClassCard {
  const id = `class-${nextId()}`;
  const name = h("input", {
    ...{ class: "input", id, type: "text", autocomplete: "off", spellcheck: "false", maxlength: 60 },
    oninput: () => onName(name.value),
  });
  const input = h("input", {
    ...{ type: "file", hidden: true, multiple: true, accept: IMAGE_TYPES, "aria-label": "Choose pictures" },
    onchange: () => {
      // A copy: the list is emptied with the field.
      if (input.files?.length) onFiles([...input.files] as unknown as FileList);
      input.value = "";
    },
  });
  const count = h("span", { class: "soft small" });
  const pictures = h("ul", { class: "pictures" });
  const remove = h("button", { class: "icon-button", type: "button", onclick: onRemove }, icon("close"));
  const add = h("button", { class: "button small", type: "button", onclick: onAdd }, "Add the drawing");
  const pick = h(
    "button",
    { class: "button small", type: "button", onclick: () => input.click() },
    icon("upload"),
    "Choose pictures",
  );
  const element = h(
    "li",
    {
      class: "card class-card",
      ...dropTarget(onFiles),
    },
    h(
      "div",
      { class: "class-head" },
      h("label", { for: id, class: "visually-hidden" }, "Name of the class"),
      name,
      count,
      remove,
    ),
    pictures,
    h("div", { class: "row" }, add, pick, input),
  );
  let before: PictureClass | undefined;
  return {
    element,
    show(shown) {
      if (name.value !== shown.name) name.value = shown.name;
      for (const [one, words] of [
        [remove, `Remove the class ${shown.name}`],
        [add, `Add the drawing to ${shown.name}`],
        [pick, `Choose pictures of ${shown.name}`],
      ] as const)
        one.setAttribute("aria-label", words);
      pictures.setAttribute("aria-label", `Pictures of ${shown.name}`);
      const { length } = shown.pictures;
      fill(count, `${length} ${length === 1 ? "picture" : "pictures"}`);
      if (shown.pictures === before?.pictures && shown.name === before.name) return;
      before = shown;
      fill(
        pictures,
        shown.pictures.map((picture, i) =>
          h(
            "li",
            {},
            h(
              "button",
              {
                ...{ class: "picture", type: "button", title: "Remove" },
                "aria-label": `Remove picture ${i + 1} of ${shown.name}`,
                onclick: () => onRemovePicture(picture),
              },
              h("img", { src: picture.url, alt: "", width: 56, height: 56 }),
              icon("close"),
            ),
          ),
        ),
      );
    },
  };
}
