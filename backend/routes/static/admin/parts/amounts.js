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
export function countText(count, one, several = `${one}s`) {
  return `${whole.format(count)} ${count === 1 ? one : several}`;
}
