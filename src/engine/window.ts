/** How many bytes may be in flight at once, whatever the size of the requests that carry them. */
export class Window {
  #bytes = 0;
  #waiting: (() => void)[] = [];

  /** @param most in bytes; one request alone may be larger. */
  constructor(private readonly most: number) {}

  /** Waits until `bytes` more fit; they are in flight until `give` gets them back. */
  async take(bytes: number): Promise<void> {
    while (this.#bytes > 0 && this.#bytes + bytes > this.most) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    this.#bytes += bytes;
  }

  give(bytes: number): void {
    this.#bytes -= bytes;
    for (const resume of this.#waiting.splice(0)) resume();
  }
}
