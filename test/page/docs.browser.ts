import type { Locator, Page } from 'playwright-core';
import { afterEach, expect, it } from 'vitest';
import { crops } from '../fixtures/serving/photos.ts';
import { textOf } from './browser.ts';
import { serverAndBrowser } from './visits.ts';

const both = serverAndBrowser();
let page: Page;
afterEach(() => page.close());

/** The page to try the API, at one operation. */
async function open(operation: string): Promise<Locator> {
  page = await both.browser.newPage({ viewport: { width: 1280, height: 1000 } });
  await page.goto(`${both.server.url}/docs`);
  const place = page.locator(`[id="operations-${operation}"]`);
  await place.locator('.opblock-summary-control').click();
  return place;
}

/** Sends what is there, and returns the status of the answer. */
async function execute(operation: Locator): Promise<number> {
  const sent = page.waitForResponse((reply) => reply.request().method() === 'POST');
  await operation.getByRole('button', { name: 'Execute' }).click();
  return (await sent).status();
}

const chooseBody = (operation: Locator, type: string) =>
  operation.locator('.opblock-section-request-body .content-type').selectOption(type);

it('offers recipes as choices, and sends the one that is chosen', async () => {
  const predict = await open('predict-predict');
  const recipe = predict.locator('tr[data-param-name="recipe"] select');
  expect(await recipe.locator('option').allInnerTexts()).toContain('isolated');
  await recipe.selectOption('isolated');
  await chooseBody(predict, 'application/json');
  expect(await execute(predict)).toBe(200);
  const answer = predict.locator('.live-responses-table').getByText('"recipe"').first();
  await answer.waitFor();
  expect(await textOf(predict.locator('.live-responses-table'))).toMatch(/"recipe":\s+"isolated"/);
});

it('has a body that works in each of its forms, however often they are switched', async () => {
  const predict = await open('predict-predict');
  const [photo] = await crops(1);
  const file = { name: 'photo.jpg', mimeType: 'image/jpeg', buffer: Buffer.from(photo!) };
  const types = ['application/json', 'application/octet-stream', 'application/json', 'multipart/form-data'];
  for (const type of [...types, 'application/json']) {
    await chooseBody(predict, type);
    if (type !== 'application/json') {
      const field = predict.locator('input[type="file"]').first();
      await field.waitFor();
      await field.setInputFiles(file);
    }
    expect([type, await execute(predict)]).toEqual([type, 200]);
  }
});

it('has JSON of several images that works, too', async () => {
  const predict = await open('predict-predict');
  await chooseBody(predict, 'application/json');
  const body = predict.locator('.opblock-section-request-body');
  await body.locator('.examples-select select').selectOption({ index: 1 });
  const text = body.locator('textarea');
  expect(await text.inputValue()).toContain('"images"');
  expect(await execute(predict)).toBe(200);
});
