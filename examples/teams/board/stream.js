// Follows changes as docs/api/streams.md says: opens the stream again after the last cursor, so that none is missed.
import {send} from './api.js';

const SILENT_MS = 30_000; // a sign of life comes every 15 seconds
const RETRY_MS = 3000; // until the server names a time
const ENDING = [401, 403]; // statuses that do not pass by themselves

// Lists, then follows, until `signal` aborts or the session ends: then it throws an ApiError. `page` has
// - list(): reads everything again and returns the cursor of that moment
// - change(change)
// - state('connecting' | 'live' | 'paused' | 'lost', text)
export async function follow(path, page, signal) {
  const place = {cursor: null, retryMs: RETRY_MS};
  while (!signal.aborted) {
    let waitMs = place.retryMs;
    try {
      await untilShown();
      page.state('connecting');
      place.cursor ??= await page.list();
      await readEvents(path, place, page, signal);
      page.state('connecting');
    } catch (error) {
      if (signal.aborted) return;
      page.state(document.hidden ? 'paused' : 'lost', error.status || error.isEvent ? error.message : '');
      if (ENDING.includes(error.status)) throw error;
      if (error.status === 410) place.cursor = null;
      waitMs = error.waitMs || waitMs;
    }
    await rest(waitMs);
  }
}

// Read one stream to its end. Throws if the server says why it has ended.
async function readEvents(path, place, page, signal) {
  for await (const event of eventsAfter(path, place.cursor, signal)) {
    page.state('live');
    place.cursor = event.id ?? place.cursor;
    if (event.retry) place.retryMs = Number(event.retry);
    if (event.event === 'change') page.change(JSON.parse(event.data));
    if (event.event === 'expired') place.cursor = null;
    if (event.event === 'end') throw Object.assign(new Error(JSON.parse(event.data).message), {isEvent: true});
  }
}

// Yields the events of one stream, such as {id, event, data}. Its connection ends when nothing comes for too long, and
// while nobody sees the page: a browser opens only six to a server without HTTP/2.
async function* eventsAfter(path, cursor, signal) {
  const own = new AbortController();
  const end = () => own.abort();
  const endIfHidden = () => document.hidden && end();
  document.addEventListener('visibilitychange', endIfHidden);
  let timer = setTimeout(end, SILENT_MS);
  try {
    const options = {headers: {'Last-Event-ID': cursor}, signal: AbortSignal.any([signal, own.signal])};
    const response = await send('GET', path, options);
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    let text = '';
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      clearTimeout(timer);
      timer = setTimeout(end, SILENT_MS);
      const events = (text + part.value).split('\n\n');
      text = events.pop();
      yield* events.map(parseEvent);
    }
  } finally {
    clearTimeout(timer);
    document.removeEventListener('visibilitychange', endIfHidden);
    end();
  }
}

function parseEvent(text) {
  return Object.fromEntries(text.split('\n').map(line => line.split(/: ?(.*)/s)));
}

function untilShown() {
  return document.hidden ? once(document, 'visibilitychange').then(untilShown) : null;
}

// Wait, but no longer than until there may be a connection again.
function rest(milliseconds) {
  const passed = new Promise(resolve => { setTimeout(resolve, milliseconds); });
  return Promise.race([passed, once(window, 'online'), once(document, 'visibilitychange')]);
}

function once(target, name) {
  return new Promise(resolve => { target.addEventListener(name, resolve, {once: true}); });
}
