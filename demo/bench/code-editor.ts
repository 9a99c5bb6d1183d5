import type { ShaderMessage } from "../../src/gpu/index.ts";
import { fill, h, newId } from "../shared/dom.ts";

export interface CodeEditor {
  readonly element: HTMLElement;
  readonly value: string;
  set(text: string): void;
  /** Marks lines and lists what the compiler says of them; each entry leads to its place. */
  showMessages(messages: readonly ShaderMessage[]): void;
  setDisabled(isDisabled: boolean): void;
}

/** A plain text area with numbered lines, so that a message can be found; Tab leaves it, as everywhere. */
export function codeEditor(label: string): CodeEditor {
  const id = newId("code");
  const numbers = h("div", { class: "numbers", "aria-hidden": "true" });
  const list = h("ul", { class: "messages", id: `${id}-messages`, role: "alert" });
  const area = h("textarea", {
    ...{ class: "input", id, rows: 20, spellcheck: "false", autocomplete: "off", autocapitalize: "off", wrap: "off" },
    "aria-describedby": `${id}-messages`,
    oninput: () => number(),
    onscroll: () => {
      numbers.scrollTop = area.scrollTop;
    },
  });
  let marked = new Map<number, ShaderMessage["type"]>();
  const number = (): void => {
    const count = area.value.split("\n").length;
    fill(numbers, ...Array.from({ length: count }, (_, i) => h("span", { class: marked.get(i + 1) ?? null }, i + 1)));
    numbers.scrollTop = area.scrollTop;
  };
  const goTo = ({ line, column }: ShaderMessage): void => {
    const lines = area.value.split("\n");
    const begin = lines.slice(0, line - 1).reduce((sum, text) => sum + text.length + 1, 0);
    area.focus();
    area.setSelectionRange(begin + Math.max(0, column - 1), begin + (lines[line - 1]?.length ?? 0));
    area.scrollTop = Math.max(0, (line - 4) * (area.scrollHeight / lines.length));
  };
  return {
    element: h(
      "div",
      { class: "field" },
      h("label", { for: id }, label),
      h("div", { class: "editor" }, numbers, area),
      list,
    ),
    get value() {
      return area.value;
    },
    set(text) {
      area.value = text;
      this.showMessages([]);
    },
    showMessages(messages) {
      marked = new Map(messages.filter(({ line }) => line > 0).map(({ line, type }) => [line, type]));
      area.setAttribute("aria-invalid", String(messages.some(({ type }) => type === "error")));
      fill(
        list,
        ...messages.map((message) =>
          h(
            "li",
            { class: message.type },
            message.line > 0
              ? h("button", { class: "link", type: "button", onclick: () => goTo(message) }, `Line ${message.line}`)
              : null,
            ` ${message.text}`,
          ),
        ),
      );
      number();
    },
    setDisabled(isDisabled) {
      area.readOnly = isDisabled;
    },
  };
}
