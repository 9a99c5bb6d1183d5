/** What `h` takes: attributes, `on…` listeners, `style` as custom properties or CSS properties, `true` for a bare one. */
export type Attributes = Record<string, AttributeValue>;
type AttributeValue =
  | string
  | number
  | boolean
  | null
  | undefined
  | Readonly<Record<string, string | number>>
  | ((event: never) => void);

export type Child = Node | string | number | null | undefined | false | readonly Child[];

/**
 * Makes an element: `h("button", { class: "button", onclick: start }, "Train")`. An attribute that is null, undefined or
 * false is left out. Styles are set through the object model, which a strict content security policy allows.
 */
export function h<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  attributes: Attributes = {},
  ...children: Child[]
): HTMLElementTagNameMap[Tag] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === "function") element.addEventListener(name.slice(2), value as EventListener);
    else if (typeof value === "object") setStyle(element, value);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  append(element, children);
  return element;
}

/** Puts children in the place of what an element holds. */
export function fill(element: Element, ...children: Child[]): void {
  element.replaceChildren();
  append(element, children);
}

export function setStyle(element: HTMLElement, style: Readonly<Record<string, string | number>>): void {
  for (const [name, value] of Object.entries(style)) element.style.setProperty(name, String(value));
}

function append(element: Element, children: readonly Child[]): void {
  for (const child of children) {
    if (child === null || child === undefined || child === false) continue;
    if (Array.isArray(child)) append(element, child);
    else element.append(child instanceof Node ? child : String(child));
  }
}

/** A text without the control characters that files of messages hold, which would show as boxes. */
export const readable = (text: string): string => text.replace(/\p{Cc}+/gu, " ").trim();

/** Gives the focus to what stands in the place of what had it and is gone; whoever has moved it on meanwhile keeps it. */
export function focusInstead(gone: Element, next: HTMLElement | null): void {
  const { activeElement } = document;
  if (activeElement === null || activeElement === document.body || activeElement === gone) next?.focus();
}

/** Whether a key asks for the last thing to be taken back: Z with Control or Command. */
export const isUndo = ({ key, ctrlKey, metaKey, shiftKey, altKey }: KeyboardEvent): boolean =>
  key.toLowerCase() === "z" && ctrlKey !== metaKey && !shiftKey && !altKey;

let count = 0;
/** A new id, to tie a label to its control. */
export const newId = (stem: string): string => `${stem}-${++count}`;

/** The element of that id in the page. @throws when there is none: page and script do not fit. */
export function byId(id: string): HTMLElement {
  const element = document.getElementById(id);
  if (!element) throw new Error(`the page has no element #${id}`);
  return element;
}
