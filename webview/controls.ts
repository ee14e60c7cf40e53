/**
 * The controls of the page, from VS Code's own web components where they are as good with a keyboard and
 * a screen reader as the plain ones (docs/decisions/0009-webview-controls.md).
 */
import '@vscode-elements/elements/dist/vscode-badge/index.js';
import '@vscode-elements/elements/dist/vscode-button/index.js';
import '@vscode-elements/elements/dist/vscode-textfield/index.js';
import type { VscodeButton } from '@vscode-elements/elements/dist/vscode-button/index.js';
import type { VscodeTextfield } from '@vscode-elements/elements/dist/vscode-textfield/index.js';
import { el } from './dom.js';
import './controls.css';

export type Button = VscodeButton;
export type TextField = VscodeTextfield;

/** A button with an icon of codicons, and words for those who don't see it. */
export function iconButton(icon: string, title: string, press: () => void): Button {
  // Slotted: an icon of the component's own would load the whole style sheet of codicons for itself.
  const picture = el('span', { 'aria-hidden': 'true' });
  const button = el('vscode-button', { class: 'icon-button', 'icon-only': true }, picture);
  retitle(button, icon, title);
  return pressable(button, press);
}

/** Gives an icon button another icon and other words. */
export function retitle(button: Button, icon: string, title: string): void {
  const picture = button.firstElementChild;
  if (picture) picture.className = `codicon codicon-${icon}`;
  button.title = title;
  button.setAttribute('aria-label', title);
}

/** A button with words. */
export function textButton(text: string, press: () => void, secondary = false): Button {
  return pressable(el('vscode-button', { class: 'text-button', secondary }, text), press);
}

/** The button that sends a form off. */
export function submitButton(text: string): Button {
  return pressable(el('vscode-button', { type: 'submit' }, text), () => undefined);
}

/** Switches a button on or off, for eyes and for screen readers. */
export function enable(button: Button, enabled: boolean): void {
  button.disabled = !enabled;
  button.setAttribute('aria-disabled', String(!enabled));
}

/** A field for a line of text. */
export function textField(label: string, placeholder = ''): TextField {
  const field = el('vscode-textfield', { placeholder });
  field.label = label;
  return field;
}

/** A named row of controls; all are stops of the Tab key, and arrow keys go along them as well. */
export function toolbar(label: string, ...controls: readonly HTMLElement[]): HTMLElement {
  const bar = el('div', { class: 'toolbar', role: 'toolbar', 'aria-label': label }, ...controls);
  bar.addEventListener('keydown', (event) => {
    const { target, key } = event;
    const step = key === 'ArrowRight' ? 1 : key === 'ArrowLeft' ? -1 : 0;
    if (step === 0 || !(target instanceof HTMLElement) || !target.matches('vscode-button')) return;
    const buttons = [...bar.querySelectorAll<Button>('vscode-button:not([disabled], [hidden])')];
    const at = buttons.findIndex((button) => button === target);
    buttons[(at + step + buttons.length) % buttons.length]?.focus();
    event.preventDefault();
  });
  return bar;
}

function pressable(button: Button, press: () => void): Button {
  button.addEventListener('click', press);
  // The component presses itself with the space bar, but lets the page scroll with it.
  button.addEventListener('keydown', (event) => {
    if (event.key === ' ') event.preventDefault();
  });
  return button;
}
