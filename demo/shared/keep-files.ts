import { codeBlock } from "./code.ts";
import { fill, focusInstead, h } from "./dom.ts";

export interface KeptFiles {
  readonly element: HTMLElement;
  /** Shows files and the command, or null: the button that prepares them. */
  show(saved: { readonly files: readonly HTMLElement[]; readonly command: string } | null): void;
}

/** A button that saves the model, then its files and the command that repeats the run. `hint` says what that needs. */
export function keepFiles(hint: string, save: () => Promise<void>): KeptFiles {
  const prepare = h(
    "button",
    {
      class: "button primary",
      type: "button",
      onclick: async () => {
        prepare.disabled = true;
        prepare.textContent = "Preparing";
        await save();
        prepare.textContent = "Prepare the files";
        prepare.disabled = false;
        focusInstead(prepare, start.hidden ? files.querySelector("button") : prepare);
      },
    },
    "Prepare the files",
  );
  const code = codeBlock("The command that repeats the run in Node");
  const start = h("div", { class: "row" }, prepare);
  const files = h("div", { class: "stack close" });
  const command = h(
    "div",
    { class: "stack close" },
    h("h3", {}, "The same run in Node"),
    h("p", { class: "soft small" }, hint),
    code.element,
  );
  return {
    element: h("div", { class: "stack" }, start, files, command),
    show(saved) {
      start.hidden = saved !== null;
      files.hidden = saved === null;
      command.hidden = saved === null;
      if (!saved) return;
      code.set(saved.command);
      fill(files, [...saved.files]);
    },
  };
}
