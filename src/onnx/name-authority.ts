import type { Node, Value } from './graph.ts';

/**
 * Gives every value of a model a name of its own: the one it wishes for, where that is free. Bodies of loops
 * see the names around them, so one authority serves the whole model.
 */
export class NameAuthority {
  readonly #names = new Map<Value, string>();
  readonly #taken = new Map<string, number>();
  readonly #takenByNodes = new Map<string, number>();

  of(value: Value): string {
    let name = this.#names.get(value);
    if (name === undefined) {
      name = unique(value.name || 'value', this.#taken);
      this.#names.set(value, name);
    }
    return name;
  }

  node(node: Node): string {
    return unique(node.name || node.opType, this.#takenByNodes);
  }
}

function unique(wish: string, taken: Map<string, number>): string {
  let count = taken.get(wish);
  if (count === undefined) {
    taken.set(wish, 1);
    return wish;
  }
  let name: string;
  do {
    name = `${wish}_${count++}`;
  } while (taken.has(name));
  taken.set(wish, count);
  taken.set(name, 1);
  return name;
}
