/** Numbers as the person's own language writes them. */
const locales = navigator.languages;
const withDigits = (digits: number, options: Intl.NumberFormatOptions = {}): Intl.NumberFormat =>
  new Intl.NumberFormat(locales, {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
    ...options,
  });

const PERCENT = withDigits(1, { style: 'percent' });
const WHOLE_PERCENT = withDigits(0, { style: 'percent' });
const ONE = withDigits(1);
const TWO = withDigits(2);
const WHOLE = withDigits(0);

export const percent = (part: number): string => PERCENT.format(part);
export const wholePercent = (part: number): string => WHOLE_PERCENT.format(part);
export const decimal = (value: number): string => ONE.format(value);
export const nats = (value: number): string => TWO.format(value);
export const whole = (value: number): string => WHOLE.format(value);
export const milliseconds = (value: number): string =>
  `${value < 10 ? ONE.format(value) : WHOLE.format(value)} ms`;
export const megabytes = (bytes: number): string => `${ONE.format(bytes / 1e6)} MB`;
