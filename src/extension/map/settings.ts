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

let kept: Promise<void> = Promise.resolve();

/** Keeps what a person chose on a map, for all maps: one choice after the other, so that the last one stays. */
export function keepMapSettings(settings: MapSettings): Promise<void> {
  kept = kept.then(
    () => keep(settings),
    () => keep(settings),
  );
  return kept;
}

async function keep(settings: MapSettings): Promise<void> {
  const configuration = vscode.workspace.getConfiguration('migrascope.map');
  for (const name of NAMES) {
    if (configuration.get(name) !== settings[name])
      await configuration.update(name, settings[name], vscode.ConfigurationTarget.Global);
  }
}
