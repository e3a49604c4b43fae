// Numbers of things, as people write them.

// "1 record", "34,006 records".
export function countOf(count, noun) {
  return `${count.toLocaleString()} ${count === 1 ? noun : `${noun}s`}`;
}
