import { Writable } from 'node:stream';
import Fastify from 'fastify';
import { expect, it } from 'vitest';
import { logQueueFaults } from './redis-settings.ts';

it('names a fault of the network in a word, and shows where another comes from', () => {
  const lines: Record<string, unknown>[] = [];
  const stream = new Writable({
    write(line, _encoding, done) {
      lines.push(JSON.parse(String(line)));
      done();
    },
  });
  const tell = logQueueFaults(Fastify({ logger: { stream } }).log);
  const refused = Object.assign(new Error('connect ECONNREFUSED 127.0.0.1:6379'), { code: 'ECONNREFUSED' });
  tell(refused, 'connecting to Redis at here');
  // It lasts.
  tell(refused, 'connecting to Redis at here');
  // Of several addresses Node reports all, without a message.
  tell(
    Object.assign(new AggregateError([refused]), { code: 'ECONNREFUSED' }),
    'connecting to Redis at there',
  );
  tell(new TypeError('x is undefined'), 'keeping the jobs');
  expect(lines).toMatchObject([
    { msg: 'a fault of the queue while connecting to Redis at here', fault: refused.message },
    { msg: 'a fault of the queue while connecting to Redis at there', fault: 'ECONNREFUSED' },
    { fault: expect.stringContaining('redis-settings.test.ts') },
  ]);
});
