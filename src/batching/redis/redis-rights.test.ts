import { readFileSync } from 'node:fs';
import { beforeEach, expect, onTestFinished, test } from 'vitest';
import {
  asRestrictedUser,
  eventually,
  newPlace,
  openConsumer,
  openProducer,
  type Place,
  untilUp,
} from '../../../test/fixtures/redis/queue.ts';
import { sharedRedisServer } from '../../../test/fixtures/redis/redis-server.ts';
import { answerOf, request, startWorker } from '../contract/fixtures.contract.ts';
import { connect, parseRedisUrl } from './connection/connect.ts';
import { createRefusals } from './connection/refusals.ts';
import { COMMANDS, createRightsCheck, SENT } from './connection/rights.ts';

const server = await sharedRedisServer();
let place: Place;
beforeEach(async () => {
  place = newPlace(await asRestrictedUser(server));
});

const setRules = (...rules: string[]) => server.client.call('ACL', 'SETUSER', 'dent', ...rules);
const reasonOf = (command: string) =>
  expect.stringMatching(`refuses the command ${command}: .*\\{${place.redis.prefix}\\}:`);

test.each(['BLPOP', 'INFO', 'HSET', 'XADD'])(
  'who may not use %s says so, and is ready when it may',
  async (command) => {
    await setRules(`-${command}`);
    const producer = await openProducer(place, { wait: false });
    await eventually(() => expect(producer.unreadyReasons()).toContainEqual(reasonOf(command)));
    expect(producer.isUp()).toBe(false);
    await setRules(`+${command}`);
    await untilUp(producer);
  },
);

test('a worker that may not listen says so, and is ready when it may', async () => {
  await setRules('-subscribe');
  const consumer = await openConsumer(place, { wait: false });
  await eventually(() => expect(consumer.unreadyReasons()).toEqual([reasonOf('SUBSCRIBE')]));
  await setRules('+subscribe');
  await untilUp(consumer);
});

test('every command that scripts call is tried, and named where it is refused', async () => {
  const url = new URL(place.redis.url);
  const client = connect(parseRedisUrl(url.href), { timeoutMs: 5_000 });
  onTestFinished(() => client.disconnect());
  await eventually(() => expect(client.status).toBe('ready'));
  const refusals = createRefusals({ name: 'a server', base: '{x}:', onFault() {} });
  const check = createRightsCheck(client, '{x}:', refusals);
  await check();
  expect(refusals.reasons()).toEqual([]);
  for (const command of COMMANDS.filter((each) => !SENT.includes(each))) {
    await setRules(`-${command}`);
    await check();
    expect(refusals.reasons()).toEqual([expect.stringContaining(`the command ${command}: `)]);
    await setRules(`+${command}`);
    await check();
    expect(refusals.reasons()).toEqual([]);
  }
});

test.each([
  ['no channel', ['resetchannels'], 'PUBLISH'],
  ['another prefix', ['resetkeys', '~dent*'], 'EVALSHA'],
])('a user with %s is told of once, and works when it has it', async (_, rules, command) => {
  await setRules(...rules);
  const producer = await openProducer(place, { wait: false });
  const consumer = await openConsumer(place, { wait: false });
  startWorker(consumer);
  await eventually(() => expect(producer.unreadyReasons()).toContainEqual(reasonOf(command)));
  await eventually(() => expect(consumer.unreadyReasons()).toContainEqual(reasonOf(command)));
  await expect(producer.submit(request())).rejects.toMatchObject({ code: 'queue_unavailable' });
  const told = place.faults.filter(({ doing }) => doing === `using Redis: ${command} is refused`);
  // By the producer and by the worker.
  expect(told).toHaveLength(2);
  await asRestrictedUser(server);
  await untilUp(producer);
  await untilUp(consumer);
  const row = request();
  expect((await producer.submit(row)).answer).toEqual(answerOf(row));
});

test('the rights that are documented are those that are needed', () => {
  const text = readFileSync(new URL('../../../docs/scaling.md', import.meta.url), 'utf8');
  const documented = /^ACL SETUSER dent .*$/m.exec(text)?.[0];
  const commands = COMMANDS.map((command) => `+${command.toLowerCase()}`).join(' ');
  expect(documented).toBe(
    `ACL SETUSER dent on >secret resetkeys ~{dent}:* resetchannels &{dent}:* -@all ${commands}`,
  );
});
