import { IMAGE_TYPES } from "../../src/io/browser/index.ts";
import { fill, h } from "../shared/dom.ts";
import { type Dropped, dropTarget } from "../shared/drop-zone.ts";
import { icon } from "../shared/icons.ts";
import { nextId, type Picture, type PictureClass } from "./pictures.ts";

/** "8 pictures" */
export const countOf = ({ pictures: { length } }: PictureClass): string =>
  `${length} ${length === 1 ? "picture" : "pictures"}`;

export interface ClassCard {
  readonly element: HTMLLIElement;
  /** The button that adds a drawing; it stands by the pad. */
  readonly target: HTMLButtonElement;
  show(shown: PictureClass): void;
}

export interface ClassActions {
  onName(name: string): void;
  onAdd(): void;
  onFiles(dropped: Dropped): void;
  onRemove(): void;
  onRemovePicture(picture: Picture): void;
}

/** A class with its pictures, on which more can be dropped. */
export function classCard({ onName, onAdd, onFiles, onRemove, onRemovePicture }: ClassActions): ClassCard {
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
  const pick = h(
    "button",
    { class: "button small", type: "button", onclick: () => input.click() },
    icon("upload"),
    "Choose pictures",
  );
  const target = h("button", { class: "button small", type: "button", onclick: onAdd });
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
    h("div", { class: "row" }, pick, h("span", { class: "small soft" }, "or drop them here"), input),
  );
  let before: PictureClass | undefined;
  return {
    element,
    target,
    show(shown) {
      if (name.value !== shown.name) name.value = shown.name;
      for (const [one, words] of [
        [remove, `Remove the class ${shown.name}`],
        [pick, `Choose pictures of ${shown.name}`],
      ] as const)
        one.setAttribute("aria-label", words);
      target.setAttribute("aria-label", `Add the drawing to ${shown.name}`);
      fill(target, shown.name.trim() === "" ? "(no name)" : shown.name);
      pictures.setAttribute("aria-label", `Pictures of ${shown.name}`);
      fill(count, countOf(shown));
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
                onclick: () => {
                  onRemovePicture(picture);
                  // The focus stays near where it was.
                  (pictures.children[Math.min(i, shown.pictures.length - 2)]?.querySelector("button") ?? pick).focus();
                },
              },
              h("img", { src: picture.url, alt: "", width: 56, height: 56, loading: "lazy", decoding: "async" }),
              icon("close"),
            ),
          ),
        ),
      );
    },
  };
}
