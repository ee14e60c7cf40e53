/** The page of a map's webview, as VS Code is given it. */
import { randomBytes } from 'node:crypto';
import * as vscode from 'vscode';
import { textOfPage } from './page-text.js';

/** @param request is kept in the page, for a reload. */
export function pageOf(webview: vscode.Webview, root: vscode.Uri, request: unknown): string {
  return textOfPage({
    source: webview.cspSource,
    nonce: randomBytes(16).toString('base64'),
    language: vscode.env.language,
    request,
    address: (name) =>
      webview.asWebviewUri(vscode.Uri.joinPath(root, 'dist/webview', name)).toString(),
  });
}
