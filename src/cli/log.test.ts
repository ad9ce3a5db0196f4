import { expect, it } from 'vitest';
import { createLog } from './log.ts';

it('the log holds keys back, wherever a request stands in it', () => {
  const lines: string[] = [];
  const log = createLog({ logLevel: 'info' }, { write: (line) => void lines.push(line) });
  const headers = { authorization: 'Bearer dent_secret', 'x-api-key': 'dent_secret', host: 'here' };
  log.info({ headers }, 'one');
  log.info({ req: { headers } }, 'two');
  log.error({ err: { cause: { headers } } }, 'three');
  expect(lines.join('')).not.toContain('dent_secret');
  expect(lines.filter((line) => line.includes('here'))).toHaveLength(3);
  expect(JSON.parse(lines[0]!)).toMatchObject({
    level: 'info',
    msg: 'one',
    headers: { authorization: '[Redacted]' },
  });
});
