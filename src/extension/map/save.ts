/** Saves what a webview made, where the person says. */
import * as vscode from 'vscode';

export async function saveContent(
  name: string,
  content: { readonly text: string } | { readonly bytes: Uint8Array },
): Promise<void> {
  const folder = vscode.workspace.workspaceFolders?.[0]?.uri;
  const target = await vscode.window.showSaveDialog({
    ...(folder ? { defaultUri: vscode.Uri.joinPath(folder, name) } : {}),
    title: vscode.l10n.t('Save {0}', name),
  });
  if (!target) return;
  const bytes = 'text' in content ? new TextEncoder().encode(content.text) : content.bytes;
  await vscode.workspace.fs.writeFile(target, bytes);
  vscode.window.setStatusBarMessage(vscode.l10n.t('Saved {0}.', target.path), 5000);
}
