/** The extension's entry: VS Code calls `activate` when something of it is first used. */
import type { ExtensionContext } from 'vscode';

export function activate(_context: ExtensionContext): void {
  // Nothing is connected before it is asked for.
}
