// Numbers, sizes and durations as texts.
const number = new Intl.NumberFormat(undefined, {maximumSignificantDigits: 3, notation: 'standard'});
const whole = new Intl.NumberFormat();
const SIZES = ['bytes', 'KB', 'MB', 'GB', 'TB'];

// Whole numbers keep all digits; others have three.
export function numberText(value) {
  return Number.isInteger(value) ? whole.format(value) : number.format(value);
}

// "8.58 MB": as the command line counts, in thousands.
export function bytesText(bytes) {
  const power = Math.min(Math.floor(Math.log10(Math.max(bytes, 1)) / 3), SIZES.length - 1);
  return `${number.format(bytes / 1000 ** power)} ${SIZES[power]}`;
}

export function secondsText(seconds) {
  return seconds < 1 ? `${number.format(seconds * 1000)} ms` : `${number.format(seconds)} s`;
}

// "1 backup", "2 backups"
export function countText(count, noun) {
  return `${whole.format(count)} ${count === 1 ? noun : `${noun}s`}`;
}

// The text of what the API says of a list: "34,006 records", or "more than 100,000 records".
export function totalText({total, total_is_at_least: minimum}, noun) {
  return total === null ? `more than ${countText(minimum, noun)}` : countText(total, noun);
}
