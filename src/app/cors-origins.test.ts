import { expect, it } from 'vitest';
import { corsOrigins } from './cors-origins.ts';

it('reads origins with commas or spaces between them', () => {
  expect(corsOrigins({})).toEqual([]);
  expect(
    corsOrigins({ corsOrigins: ' https://a.example,http://localhost:5173 , http://[::1]:8000' }),
  ).toEqual(['https://a.example', 'http://localhost:5173', 'http://[::1]:8000']);
  expect(corsOrigins({ corsOrigins: '*' })).toEqual(['*']);
});

it.each([
  'a.example',
  'https://a.example/',
  'https://a.example/app',
  'https://A.example',
  'https://*.a.example',
  'null',
  'https://a.example:443',
  'file:///x',
])('names what is no origin: %s', (text) => {
  expect(() => corsOrigins({ corsOrigins: `https://b.example,${text}` })).toThrow(
    `DENT_CORS_ORIGINS has "${text}", which is no origin; write it as https://app.example.com, or * for all.`,
  );
});
