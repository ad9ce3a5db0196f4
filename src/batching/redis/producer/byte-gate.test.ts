import { expect, test } from 'vitest';
import { createByteGate } from './byte-gate.ts';

test('lets through what fits, the others in their order, and a giant alone', async () => {
  const gate = createByteGate(10);
  const order: string[] = [];
  expect(gate.enter(6)).toBeUndefined();
  expect(gate.enter(4)).toBeUndefined();
  const giant = gate.enter(25)!.then(() => order.push('giant'));
  const small = gate.enter(1)!.then(() => order.push('small'));
  gate.leave(6);
  await Promise.resolve();
  expect(order).toEqual([]);
  gate.leave(4);
  await giant;
  expect(order).toEqual(['giant']);
  gate.leave(25);
  await small;
  gate.leave(1);
  expect(gate.enter(10)).toBeUndefined();
});
