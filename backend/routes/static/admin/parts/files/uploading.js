// Uploads the file of a field, before the record that gets it is saved.
import {useRef, useState} from '../html.js';
import {bytesText} from '../amounts.js';
import {upload} from '../upload.js';
import {keepPreview} from './previews.js';

const IDLE = {sent: 0, problem: ''};

// Returns {sent, problem, send, stop}: `sent` is the part that is sent, `problem` what is wrong with the file.
// `send(file)` makes `draft` pending, then that of the uploaded file, or the former one if that fails.
export function useFileUpload(field, draft, onInput) {
  const [state, setState] = useState(IDLE);
  const running = useRef(null); // {controller, former} of an upload
  const former = () => running.current?.former ?? draft;
  const stop = () => running.current?.controller.abort();
  const send = async file => {
    const mine = {controller: new AbortController(), former: former()};
    const {signal} = mine.controller;
    stop();
    running.current = mine;
    const end = (next, problem = '') => {
      if (running.current !== mine) return; // another file was chosen meanwhile
      running.current = null;
      setState({...IDLE, problem});
      onInput(next);
    };
    const problem = sizeProblem(field, file);
    if (problem) return end(mine.former, problem);
    setState(IDLE);
    onInput({pending: file.name});
    try {
      const onProgress = sent => running.current === mine && setState({...IDLE, sent});
      const headers = {'Content-Disposition': disposition(file)};
      const {data} = await upload('/files', file, {headers, onProgress, signal});
      keepPreview(data, file);
      end(data);
    } catch (error) {
      end(mine.former, error.name === 'AbortError' ? '' : error.message);
    }
  };
  return {...state, send, stop};
}

function sizeProblem({options}, {size}) {
  const most = options.max_bytes;
  return most && size > most ? `At most ${bytesText(most)}; this file has ${bytesText(size)}.` : '';
}

// RFC 8187
function disposition({name}) {
  const encoded = encodeURIComponent(name).replace(/['()*]/g, sign => `%${sign.charCodeAt(0).toString(16)}`);
  return `attachment; filename*=UTF-8''${encoded}`;
}
