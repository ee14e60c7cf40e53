/** The webview of a map: the entry of its bundle. */
export {};
