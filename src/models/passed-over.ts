import type { PassedOver } from './repository-scan.ts';

/** Reports each folder when it is first passed over, and not again while it stays. */
export function createTeller(tell: (folder: PassedOver) => void): (found: readonly PassedOver[]) => void {
  let told = new Set<string>();
  return (found) => {
    for (const each of found) if (!told.has(each.path)) tell(each);
    told = new Set(found.map(({ path }) => path));
  };
}
