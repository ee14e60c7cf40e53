/** The text of the page of a map's webview: strict in what it loads. Knows no VS Code, so that a browser alone can show it. */

export interface PageParts {
  /** Where the page's own files come from, for the Content Security Policy. */
  readonly source: string;
  /** Of the one script that may run. */
  readonly nonce: string;
  /** BCP 47. */
  readonly language: string;
  /** Kept in the page, for a reload. */
  readonly request: unknown;
  /** Address of a file of the page. */
  readonly address: (name: string) => string;
}

export function textOfPage({ source, nonce, language, request, address }: PageParts): string {
  const policy = [
    "default-src 'none'",
    `img-src ${source} blob: data:`,
    `style-src ${source}`,
    `font-src ${source}`,
    `script-src 'nonce-${nonce}'`,
  ].join('; ');
  const kept = JSON.stringify(request).replace(/[<>&"]/g, (c) => `&#${c.charCodeAt(0)};`);
  return `<!DOCTYPE html>
<html lang="${language}">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="stylesheet" id="vscode-codicon-stylesheet" href="${address('codicon.css')}">
<link rel="stylesheet" href="${address('map.css')}">
<title>Migrascope</title>
</head>
<body data-request="${kept}">
<main id="app"></main>
<script nonce="${nonce}" src="${address('map.js')}"></script>
</body>
</html>`;
}
