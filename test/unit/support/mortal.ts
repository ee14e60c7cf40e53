/** Parts of a process that can die: from then on nothing that was asked of them is answered, and nothing new is done. */

export interface Life {
  dead: boolean;
}

/** `target`, with all that its methods give, for as long as the life lasts. */
export function mortal<T extends object>(target: T, life: Life): T {
  return new Proxy(target, {
    get(object, key) {
      const value: unknown = Reflect.get(object, key, object);
      if (typeof value !== 'function') return value;
      return (...args: readonly unknown[]) => {
        if (life.dead) return new Promise(() => undefined);
        const given: unknown = Reflect.apply(value, object, args);
        return given instanceof Promise ? whileAlive(given, life) : given;
      };
    },
  });
}

async function whileAlive(given: Promise<unknown>, life: Life): Promise<unknown> {
  try {
    const value = await given;
    if (!life.dead) return isParts(value) ? mortal(value, life) : value;
  } catch (error) {
    if (!life.dead) throw error;
  }
  return new Promise(() => undefined);
}

function isParts(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
