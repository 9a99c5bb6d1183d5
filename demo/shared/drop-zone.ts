import { h } from "./dom.ts";
import { icon } from "./icons.ts";

/** What was dropped or picked, to be read by `droppedFiles`. */
export type Dropped = DataTransfer | FileList;

export interface DropZoneOptions {
  /** What the button says, such as "Choose a file". */
  readonly button: string;
  /** What may be dropped here. */
  readonly hint: string;
  /** As the attribute of an input: ".tsv,.csv". */
  readonly accept?: string;
  readonly multiple?: boolean;
  /** Whether the picker asks for a folder. */
  readonly directory?: boolean;
  onDrop(dropped: Dropped): void;
}

/** A field to drop files on, with a button that opens the picker, so that the keyboard can do all of it. */
export function dropZone({ button, hint, accept, multiple, directory, onDrop }: DropZoneOptions): HTMLElement {
  const input = h("input", {
    type: "file",
    hidden: true,
    accept,
    multiple: multiple ?? directory,
    webkitdirectory: directory,
    "aria-label": button,
    onchange: () => {
      if (input.files && input.files.length > 0) onDrop(input.files);
      // The same file can be chosen again after it was mended.
      input.value = "";
    },
  });
  const element = h(
    "div",
    {
      class: "drop-zone",
      ...dropTarget(onDrop),
    },
    h("button", { class: "button", type: "button", onclick: () => input.click() }, icon("upload"), button),
    h("p", { class: "hint" }, hint),
    input,
  );
  return element;
}

/** Takes drops anywhere on an element but on the zones in it, which take their own. */
export function acceptDrops(element: HTMLElement, onDrop: (dropped: DataTransfer) => void): void {
  const { ondragover, ondragleave, ondrop } = dropTarget(onDrop);
  element.addEventListener("dragover", ondragover);
  element.addEventListener("dragleave", ondragleave);
  element.addEventListener("drop", (event) => {
    if (event.defaultPrevented) element.classList.remove("over");
    else ondrop(event);
  });
}

/** Attributes by which files can be dropped on an element; it has the class "over" while they are above it. */
export function dropTarget(onDrop: (dropped: DataTransfer) => void) {
  const mark = (event: DragEvent, isOver: boolean): void => {
    (event.currentTarget as HTMLElement).classList.toggle("over", isOver);
  };
  return {
    ondragover: (event: DragEvent) => {
      event.preventDefault();
      mark(event, true);
    },
    ondragleave: (event: DragEvent) => {
      const { currentTarget, relatedTarget } = event;
      if (!(currentTarget as HTMLElement).contains(relatedTarget as Node | null)) mark(event, false);
    },
    ondrop: (event: DragEvent) => {
      event.preventDefault();
      mark(event, false);
      if (event.dataTransfer) onDrop(event.dataTransfer);
    },
  };
}
