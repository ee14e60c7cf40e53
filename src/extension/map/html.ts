/** The page of a map's webview: strict in what it loads. */
import { randomBytes } from 'node:crypto';
import * as vscode from 'vscode';

/** @param request is kept in the page, for a reload. */
export function pageOf(webview: vscode.Webview, root: vscode.Uri, request: unknown): string {
  const file = (name: string): string =>
    webview.asWebviewUri(vscode.Uri.joinPath(root, 'dist/webview', name)).toString();
  const nonce = randomBytes(16).toString('base64');
  const own = webview.cspSource;
  const policy = [
    "default-src 'none'",
    `img-src ${own} blob: data:`,
    `style-src ${own}`,
    `font-src ${own}`,
    `script-src 'nonce-${nonce}'`,
  ].join('; ');
  const kept = JSON.stringify(request).replace(/[<>&"]/g, (c) => `&#${c.charCodeAt(0)};`);
  return `<!DOCTYPE html>
<html lang="${vscode.env.language}">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="stylesheet" id="vscode-codicon-stylesheet" href="${file('codicon.css')}">
<link rel="stylesheet" href="${file('map.css')}">
<title>Migrascope</title>
</head>
<body data-request="${kept}">
<main id="app"></main>
<script nonce="${nonce}" src="${file('map.js')}"></script>
</body>
</html>`;
}
