/** How maps are drawn: the settings `migrascope.map.*`. */
import * as vscode from 'vscode';
import type { MapSettings } from '../../../webview/messages.js';
import type { Core } from '../core.js';

const NAMES = ['layout', 'layer', 'palette'] as const;

export function mapSettings(core: Core): MapSettings {
  return {
    layout: core.setting('map.layout', 'hilbert'),
    layer: core.setting('map.layer', 'migration'),
    palette: core.setting('map.palette', 'auto'),
  };
}

/** Keeps what a person chose on a map, for all maps. */
export async function keepMapSettings(settings: MapSettings): Promise<void> {
  const configuration = vscode.workspace.getConfiguration('migrascope.map');
  for (const name of NAMES) {
    if (configuration.get(name) !== settings[name])
      await configuration.update(name, settings[name], vscode.ConfigurationTarget.Global);
  }
}
