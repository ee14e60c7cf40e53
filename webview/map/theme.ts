/** Which kind of theme VS Code shows, by the class that it gives the page's body. */
import type { ThemeKind } from '../../src/heatmap/index.js';

export function themeKind(): ThemeKind {
  const { classList } = document.body;
  if (classList.contains('vscode-high-contrast-light')) return 'contrast-light';
  if (classList.contains('vscode-high-contrast')) return 'contrast-dark';
  return classList.contains('vscode-light') ? 'light' : 'dark';
}
