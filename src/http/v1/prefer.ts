/** Whether a `Prefer` header (RFC 7240) asks for an answer later. Other preferences are ignored. */
export const prefersAsync = (prefer: string | undefined): boolean =>
  (prefer ?? '')
    .split(',')
    .some((preference) => preference.split(/[;=]/, 1)[0]!.trim().toLowerCase() === 'respond-async');
