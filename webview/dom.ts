/** Elements in few words. Text is always set as text, never as markup. */

type Attributes = Readonly<Record<string, string | boolean | number>>;

/** Makes an element with attributes and children; `false` leaves an attribute out. */
export function el<Name extends keyof HTMLElementTagNameMap>(
  name: Name,
  attributes: Attributes = {},
  ...children: readonly (Node | string)[]
): HTMLElementTagNameMap[Name] {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value !== false) element.setAttribute(key, value === true ? '' : String(value));
  }
  element.append(...children);
  return element;
}

/** A button with an icon of codicons, and words for those who don't see it. */
export function iconButton(icon: string, title: string, press: () => void): HTMLButtonElement {
  const button = el('button', { type: 'button', class: 'icon-button', title, 'aria-label': title });
  button.append(el('span', { class: `codicon codicon-${icon}`, 'aria-hidden': 'true' }));
  button.addEventListener('click', press);
  return button;
}

/** Replaces what is in an element, unless it is the same text. */
export function setText(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}
