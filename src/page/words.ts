import type { components } from '../../clients/typescript/src/schema.ts';

/** What went wrong, and what to do next, for somebody who has not built this. */
export interface Complaint {
  readonly says: string;
  /** Seconds after which to try again without being asked. */
  readonly againAfter?: number;
  readonly needsKey?: boolean;
}

const AGAIN_SECONDS = 3;

export function noAnswer(): Complaint {
  return {
    says: navigator.onLine
      ? 'The server does not answer. It may have been stopped: start it with "npm start". This page tries again by itself.'
      : 'You are offline, and the server is elsewhere. This page goes on when the connection is back.',
    againAfter: AGAIN_SECONDS,
  };
}

export const SLOW =
  'No answer for ten seconds. The server may be busy, or may be loading its models; this page goes on waiting.';

/** What an error of the API means for somebody who looks at the page. */
export function complaintOf(
  status: number,
  problem: Partial<components['schemas']['Problem']> | undefined,
  retryAfter: string | null,
): Complaint {
  const detail = problem?.detail ?? `The server answered ${status}.`;
  const againAfter = Number(retryAfter) || AGAIN_SECONDS;
  switch (status) {
    case 401:
      return { says: `This server asks for an API key. ${detail}`, needsKey: true };
    case 403:
      return { says: `This key may not do that. ${detail}`, needsKey: true };
    case 413:
      return { says: `The picture is too large for this server. ${detail}` };
    case 429:
      return {
        says: `The server has more to do than it can take at present. ${detail} This page tries again by itself.`,
        againAfter,
      };
    case 503:
      return {
        says: `The server is not ready yet, or is closing. ${detail} This page tries again by itself.`,
        againAfter,
      };
    case 504:
      return {
        says: `The server did not get to the picture in time. ${detail} Try again, or choose a recipe of fewer steps.`,
      };
    default:
      return { says: detail };
  }
}
