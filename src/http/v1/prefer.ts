/** Whether a `Prefer` header (RFC 7240) asks for the answer to come later. Other preferences are passed over. */
export const prefersAsync = (prefer: string | undefined): boolean =>
  (prefer ?? '')
    .split(',')
    .some((preference) => preference.split(/[;=]/, 1)[0]!.trim().toLowerCase() === 'respond-async');
