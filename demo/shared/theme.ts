import { segments } from "./choices.ts";
import { type IconName, icon } from "./icons.ts";

/** What colours follow: the system, or what the reader chose. */
export type Theme = "system" | "light" | "dark";

const KEY = "graft-theme";
const ICONS: Record<Theme, IconName> = { system: "auto", light: "sun", dark: "moon" };
const NAMES: Record<Theme, string> = { system: "As the system", light: "Light", dark: "Dark" };

/** The choice that was kept, if there is a place where it could be. */
export function keptTheme(): Theme {
  try {
    const kept = localStorage.getItem(KEY);
    return kept === "light" || kept === "dark" ? kept : "system";
  } catch {
    return "system";
  }
}

export function applyTheme(theme: Theme): void {
  if (theme === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  try {
    if (theme === "system") localStorage.removeItem(KEY);
    else localStorage.setItem(KEY, theme);
  } catch {
    // Without storage the choice lasts as long as the page.
  }
  document.dispatchEvent(new Event("themechange"));
}

/** Calls back when the colours have changed, by the switch or by the system. */
export function onThemeChange(listener: () => void): void {
  document.addEventListener("themechange", listener);
  for (const query of ["(prefers-color-scheme: dark)", "(forced-colors: active)"]) {
    matchMedia(query).addEventListener("change", listener);
  }
}

/** Three radio buttons with icons: system, light, dark. */
export function themeSwitch(): HTMLElement {
  const { element } = segments<Theme>({
    label: "Colours",
    options: (["system", "light", "dark"] as const).map((value) => ({
      value,
      label: NAMES[value],
      content: icon(ICONS[value]),
    })),
    value: keptTheme(),
    onChange: applyTheme,
  });
  element.classList.add("icons", "theme");
  return element;
}

/** A colour of the style sheet as the canvas needs it: `rgb(…)`, resolved for the scheme that is shown. */
export function colourOf(token: string): string {
  const probe = document.createElement("span");
  probe.style.color = `var(${token})`;
  probe.hidden = true;
  document.body.append(probe);
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}
