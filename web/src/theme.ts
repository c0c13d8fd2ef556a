/** Light and dark: as the system has it, until somebody chooses. */
import { signal } from "@preact/signals";
import { theme as drawn } from "./map";

const STORED = "rasterwire.theme";
const prefers = matchMedia("(prefers-color-scheme: dark)");

export const isDark = signal(false);

export function applyTheme(): void {
  const chosen = localStorage.getItem(STORED);
  isDark.value = chosen ? chosen === "dark" : prefers.matches;
  document.documentElement.dataset.theme = isDark.value ? "dark" : "light";
  drawn.value++;
}

prefers.addEventListener("change", applyTheme);

export function toggleTheme(): void {
  localStorage.setItem(STORED, isDark.value ? "light" : "dark");
  applyTheme();
}
