import { describe } from 'vitest';
import { describeAhead } from './contract/ahead.contract.ts';
import { describeClosing } from './contract/closing.contract.ts';
import type { CreateSubject } from './contract/fixtures.contract.ts';
import { describeForming } from './contract/forming.contract.ts';
import { describeKeeping } from './contract/keeping.contract.ts';
import { describeOrdering } from './contract/ordering.contract.ts';
import { describeSettling } from './contract/settling.contract.ts';
import { describeSoak } from './contract/soak.contract.ts';

/** The guarantees of the port, one test each. Every driver passes them. */
export function describeBatchQueue({ name, create }: { name: string; create: CreateSubject }): void {
  describe(`${name} keeps the guarantees of BatchQueue`, () => {
    describeForming(create);
    describeAhead(create);
    describeOrdering(create);
    describeSettling(create);
    describeKeeping(create);
    describeClosing(create);
    describeSoak(create);
  });
}
