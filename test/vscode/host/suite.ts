/** What an extension can be asked inside its host: that it is there, sleeps until it is wanted, and does as it says. */
import { equal, ok } from 'node:assert/strict';
import * as vscode from 'vscode';

const ID = 'migrascope.migrascope';

export function defineTests(): void {
  describe('the extension', () => {
    it('is not active before it is used', () => {
      equal(extension().isActive, false);
    });

    it('has a command for each that its manifest names', async () => {
      await extension().activate();
      const { commands } = (extension().packageJSON as Manifest).contributes;
      ok(commands.length > 0);
      const known = await vscode.commands.getCommands(true);
      const missing = commands.map(({ command }) => command).filter((id) => !known.includes(id));
      equal(missing.join(), '');
    });
  });
}

interface Manifest {
  readonly contributes: { readonly commands: readonly { readonly command: string }[] };
}

function extension(): vscode.Extension<unknown> {
  const found = vscode.extensions.getExtension(ID);
  ok(found, `${ID} is not there`);
  return found;
}
