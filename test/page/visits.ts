import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect } from 'vitest';
import { type Running, startDent } from '../fixtures/serving/processes.ts';
import { type OpenPage, openBrowser, openPage, untilAnswered } from './browser.ts';

export interface Visits {
  readonly server: Running;
  /** The page of that server, or of another, in a new window, with its first answer. */
  visit(options?: Parameters<typeof openPage>[2] & { readonly url?: string }): Promise<Page>;
  /** Leaves the window. What it complained of is looked at after the test. */
  leave(): Promise<void>;
}

/** A server with its defaults and a browser, for the tests of one file. */
export function serverAndBrowser() {
  let server: Running;
  let browser: Browser;
  beforeAll(async () => {
    browser = await openBrowser();
    server = await startDent(['serve'], {});
  });
  afterAll(async () => {
    await browser?.close();
    server?.process.kill('SIGINT');
    await server?.exit;
  });
  return {
    get server() {
      return server;
    },
    get browser() {
      return browser;
    },
  };
}

/** The windows of a file's tests, one at a time. None of them may make the page complain. */
export function visits(): Visits {
  const both = serverAndBrowser();
  let open: OpenPage | undefined;
  const complaints: string[] = [];
  async function leave(): Promise<void> {
    complaints.push(...(open?.complaints ?? []));
    await open?.close();
    open = undefined;
  }
  afterEach(async () => {
    await leave();
    expect(complaints.splice(0)).toEqual([]);
  });
  return {
    get server() {
      return both.server;
    },
    async visit({ url = both.server.url, ...options } = {}) {
      open = await openPage(both.browser, url, options);
      await untilAnswered(open.page);
      return open.page;
    },
    leave,
  };
}

/** What the first canvas of the page, the picture as a person sees it, has on it. */
export const pixelsOf = (page: Page): Promise<string> =>
  page
    .locator('canvas')
    .first()
    .evaluate((canvas: HTMLCanvasElement) => canvas.toDataURL());
