// Uploads of files: beside api.js the only module that calls the API, because fetch does not say how much is sent.
import {answerOf, connection, ConnectionLost, cookie, inSession, lose, urlOf} from './api.js';

// Sends a file as the body. Calls onProgress with the part that is sent, from 0 to 1. Returns and throws as `call`.
export async function upload(path, file, {query, type = file.type, headers = {}, onProgress, signal} = {}) {
  await requireReadable(file);
  const sent = {...headers, 'Content-Type': type || 'application/octet-stream'};
  return answerOf(await inSession(() => sendFile(urlOf(path, query), file, sent, onProgress, signal)));
}

// A file that was changed or removed after it was chosen would look like a lost connection.
async function requireReadable(file) {
  try {
    await file.slice(0, 1).arrayBuffer();
  } catch {
    throw new Error('The file has changed since you chose it, or it cannot be read. Choose it again.');
  }
}

function sendFile(url, file, headers, onProgress, signal) {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted(); // it may have been stopped while the session was refreshed
    const request = new XMLHttpRequest();
    request.open('POST', url);
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
    const token = cookie('csrf_access_token');
    if (token) request.setRequestHeader('X-CSRF-TOKEN', token);
    request.upload.onprogress = ({loaded, total}) => onProgress?.(total ? loaded / total : 1);
    request.onload = () => {
      connection.set('open');
      resolve(responseOf(request));
    };
    request.onerror = () => {
      lose();
      reject(new ConnectionLost());
    };
    request.onabort = () => reject(new DOMException('Stopped.', 'AbortError'));
    signal?.addEventListener('abort', () => request.abort());
    request.send(file);
  });
}

function responseOf(request) {
  const headers = {'Content-Type': request.getResponseHeader('Content-Type') ?? ''};
  return new Response(request.responseText, {status: request.status, statusText: request.statusText, headers});
}
